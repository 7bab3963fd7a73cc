"""The module that Dagster loads (see workspace.yaml): the definitions of the installation in the environment.

Belongs here: this one call. Not here: anything else.
"""

from orchestration.build import build_definitions
from orchestration.settings import Settings

definitions = build_definitions(Settings.from_environment())
