# Every task of the house. `just` alone lists them.

set positional-arguments

export UV_PROJECT_ENVIRONMENT := env("UV_PROJECT_ENVIRONMENT", justfile_directory() / ".venv")

[private]
default:
    @just --list --unsorted

# The whole house and a simulated city on it; see `just demo --help`
demo *args:
    exec uv run python -m city demo "$@"

# The whole house, without a city, until Ctrl-C
up *args:
    exec uv run python -m stack up "$@"

# A token for the house that is up: `just token ann user` (or pilot, admin)
token *args:
    @uv run --quiet python -m stack token "$@"

# Build the web console into clients/console/dist, as `up` and `demo` do by themselves
console:
    uv run python -m stack.node clients/console

# Every test, three files at a time; arguments go to pytest (`-n 0`: one, `--backend=containers`: parts from images)
test *args:
    exec uv run pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"

# Every state of small worlds through the real dispatch rules, and every seeded bug found; `just model --help`
model *args:
    exec uv run python -m tests.model "$@"

# Lint, format, types, import rules, generated documents, and `just audit`
check: && audit
    uv run ruff check
    uv run ruff format --check
    uv run mypy libs services tools bench tests
    uv run lint-imports
    uv run python -m contracts.asyncapi | diff - docs/asyncapi.yaml
    uv run python -m contracts.nats_conf | diff - deploy/k8s/base/nats/permissions.conf
    uv run python -m tests.coverage | diff - docs/coverage.md
    uv run python -m stack.node clients/console check

# Licences and known vulnerabilities of what is in the images (deploy/audit.toml); arguments go to pip-audit
audit *args:
    uv run python deploy/licences.py
    uv run python deploy/vulnerabilities.py "$@"

# Put right what a machine can put right
fix:
    uv run ruff check --fix
    uv run ruff format
    uv run python -m stack.node clients/console fix

# Generate docs/asyncapi.yaml from the contracts, docs/coverage.md from the tests' docstrings
docs:
    uv run python -m contracts.asyncapi docs/asyncapi.yaml
    uv run python -m contracts.nats_conf deploy/k8s/base/nats/permissions.conf
    uv run python -m tests.coverage docs/coverage.md

# Write Grafana's dashboard (deploy/dashboard.py)
dashboard:
    uv run python deploy/dashboard.py --write

# Follow one order hop by hop, and write docs/trace.md
trace:
    exec uv run python -m bench.trace --write docs/trace.md

# Accept additions to the contracts into their golden files
golden:
    uv run python -m contracts.golden libs/contracts/tests/golden

# One figure beside its peer: `just bench NAME [--json FILE]`
bench *args:
    exec uv run --group bench python -m bench "$@"

# Measure what drivers, orders and positions cost, and write docs/operations/scale.md (some 15 minutes)
capacity:
    uv run --group bench python -m bench capacity --times 1 --json var/capacity.json
    uv run python -m bench.capacity.page var/capacity.json

# Resolve afresh and write every pin: constraints and the services' requirement locks
lock:
    uv run --no-project --with tomlkit python deploy/lock.py

# The Dockerfile by stdin: of files, BuildKit takes two of one size and time for the same (moby/buildkit#1368)
# One service's image, or the console's: `waggle/<name>:<tag>`; needs Docker. PYTHON_IMAGE in the environment is its base
image service tag="dev" context=".":
    cat {{context}}/*/{{service}}/Dockerfile | DOCKER_BUILDKIT=1 docker build --quiet -f - -t waggle/{{service}}:{{tag}} \
        --build-arg PYTHON_IMAGE="${PYTHON_IMAGE:-python:3.13-slim}" --build-arg VERSION={{tag}} \
        --build-arg REVISION=$(git rev-parse HEAD) {{context}}
    @echo waggle/{{service}}:{{tag}}

# The images of all four services, and of the console
images tag="dev":
    for service in booking matching realtime push console; do just image $service {{tag}} || exit 1; done

# Render every base, component and overlay of deploy/k8s, check them against schemas and promises; needs kubectl
k8s-check *args:
    kubectl version --client > /dev/null
    exec uv run pytest -q tests/k8s "$@"

# Remove all state of runs on this machine
clean:
    rm -rf var
