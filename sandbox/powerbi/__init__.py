"""A simulated Power BI: the sign-in service and the REST API of one tenant, with push datasets, models and refreshes."""

from sandbox.powerbi.simulator import PowerBISimulator as PowerBISimulator
from sandbox.powerbi.state import CLIENT_ID as CLIENT_ID
from sandbox.powerbi.state import CLIENT_SECRET as CLIENT_SECRET
from sandbox.powerbi.state import TENANT as TENANT
