"""Lists the stacks of a project, offline: what each talks to, where its state is, and how much that records. Called by
`gemctl stack list`.
"""

from __future__ import annotations

from pathlib import Path

from gemctl.core.errors import StateError
from gemctl.core.frozen import dataclass
from gemctl.core.place import Keeper, shown
from gemctl.core.project import Endpoint
from gemctl.workflows.wiring import STATE_FOLDER, Settings, open_store


@dataclass(frozen=True, slots=True)
class StackSummary:
    """One stack. `state` is the place of its state, for people. `recorded` is how many resources are recorded there;
    None for a state that is not on this machine, which is not asked, or that can't be read: `wrong` says why.
    """

    name: str
    default: bool
    endpoint: Endpoint
    state: str
    recorded: int | None
    wrong: str = ""


def stacks(settings: Settings) -> tuple[StackSummary, ...]:
    """The stacks, in the order of gemctl.yaml. Raises Rejected, Usage."""
    from gemctl.manifest.find import project_root
    from gemctl.manifest.root import load_project

    root = Path(project_root(settings.folder))
    project, found = load_project(str(root)).project, []
    for stack in project.stacks.values():
        place, recorded, wrong = shown(stack.state), None, ""
        if stack.state.keeper is Keeper.LOCAL:
            place = f"{STATE_FOLDER}/{stack.name}"
            try:
                recorded = len(open_store(stack.state, project, stack, root, settings).load().ledger.records)
            except (StateError, OSError) as error:
                wrong = str(error)
        found.append(
            StackSummary(stack.name, stack.name == project.default_stack, stack.endpoint, place, recorded, wrong)
        )
    return tuple(found)
