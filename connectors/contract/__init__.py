"""What every connector promises: values, the two faces of a system, and what an action declares.

The *bulk face* (`documents`, `lines`) yields Arrow record batches with the canonical columns of
`connectors.columns`. The *record face* (`capture`, `read`, `schema`, `apply`) carries change sets.
The recovery core and everything above it know a connector by this module only.
"""

from connectors.contract.action import (
    NO_FIELDS,
    Action,
    Instruction,
    LaterBusiness,
    Problem,
    Remainder,
)
from connectors.contract.system import (
    ActionSupport,
    Backup,
    Criteria,
    FieldInfo,
    System,
    SystemCheck,
    Unsure,
)
from connectors.contract.values import (
    Answer,
    Call,
    Effect,
    Executor,
    Fence,
    Image,
    Kind,
    Record,
    Ref,
    Reversibility,
    Step,
    no_fence,
)

__all__ = [
    "NO_FIELDS",
    "Action",
    "ActionSupport",
    "Answer",
    "Backup",
    "Call",
    "Criteria",
    "Effect",
    "Executor",
    "Fence",
    "FieldInfo",
    "Image",
    "Instruction",
    "Kind",
    "LaterBusiness",
    "Problem",
    "Record",
    "Ref",
    "Remainder",
    "Reversibility",
    "Step",
    "System",
    "SystemCheck",
    "Unsure",
    "no_fence",
]
