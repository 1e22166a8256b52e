"""One folder per job; pure: same view, same judgement."""
