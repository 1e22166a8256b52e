"""A simulated Tableau site: projects, workbooks with views, published data sources, personal access tokens with one session each."""

from sandbox.tableau.seed import seed as seed
from sandbox.tableau.simulator import SITE as SITE
from sandbox.tableau.simulator import TOKEN_NAME as TOKEN_NAME
from sandbox.tableau.simulator import TOKEN_SECRET as TOKEN_SECRET
from sandbox.tableau.simulator import TableauSimulator as TableauSimulator
