"""The contracts as they were last agreed on, one JSON file each, in the folder of golden files.

`python -m contracts.golden <folder>` writes what was added since; it refuses to write a change that breaks.
"""

import json
import sys
from pathlib import Path
from typing import Any

from contracts.catalog import Contract, catalog
from contracts.compatibility import breaks
from contracts.events import Event
from contracts.models import Model

Golden = dict[str, Any]


def golden(contract: Contract) -> Golden:
    """The whole of a contract: where it goes, what is written, and what is accepted."""
    message = contract.message
    made: Golden = {"subject": contract.subject}
    if issubclass(message, Event):
        made |= {"type": message.type, "source": message.source}
    made |= {"message": _schemas(message)}
    if contract.reply:
        made |= {"reply": _schemas(contract.reply)}
    return made


def _schemas(model: type[Model]) -> dict[str, Any]:
    return {
        "written": model.model_json_schema(mode="serialization"),
        "accepted": model.model_json_schema(mode="validation"),
    }


def differences(old: Golden, new: Golden) -> list[str]:
    """What broke between two states of one contract, a line each; empty if there are only additions."""
    found = [
        f"{key} was {old.get(key)!r}, is {new.get(key)!r}"
        for key in ("subject", "type", "source")
        if old.get(key) != new.get(key)
    ]
    for part in ("message", "reply"):
        if (part in old) != (part in new):
            found.append(f"{part} came or went")
        elif part in old:
            for side in ("written", "accepted"):
                found += [f"{part}, {side}: {line}" for line in breaks(old[part][side], new[part][side])]
    return found


def path_of(folder: Path, contract: Contract) -> Path:
    """Where the golden file of a contract is."""
    return folder / f"{contract.name}.json"


def write(folder: Path) -> list[str]:
    """Write the golden files anew if only additions were made, else none of them. The breaks, a line each."""
    texts, found = {}, []
    for contract in catalog():
        path, new = path_of(folder, contract), golden(contract)
        if path.exists():
            found += [f"{contract.name}: {line}" for line in differences(json.loads(path.read_text()), new)]
        texts[path] = json.dumps(new, indent=1, sort_keys=True) + "\n"
    names = {path.name for path in texts}
    found += [f"{path.stem}: was removed" for path in sorted(folder.glob("*.json")) if path.name not in names]
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text)
    return found


def main(folder: Path) -> int:
    """Exit status 1, with the reasons on stderr, if anything but additions was made."""
    found = write(folder)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
