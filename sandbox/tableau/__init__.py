"""A simulated Tableau site: projects, workbooks with views, published data sources, personal access tokens with one
session each, a connected app; and what the Metadata API tells of it."""

from sandbox.tableau.connected_app import CLIENT_ID as CLIENT_ID
from sandbox.tableau.connected_app import SECRET_ID as SECRET_ID
from sandbox.tableau.connected_app import SECRET_VALUE as SECRET_VALUE
from sandbox.tableau.connected_app import USER as USER
from sandbox.tableau.seed import seed as seed
from sandbox.tableau.simulator import SITE as SITE
from sandbox.tableau.simulator import TOKEN_NAME as TOKEN_NAME
from sandbox.tableau.simulator import TOKEN_SECRET as TOKEN_SECRET
from sandbox.tableau.simulator import TableauSimulator as TableauSimulator
