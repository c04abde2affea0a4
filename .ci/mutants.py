"""Mutation testing of the policy engine with mutmut (`make mutants`; docs/mutation-testing.md says how to read what comes out).

mutmut makes the mutants, keeps their results and says which tests reach which function. Two things are done for it here:

- It leaves decorated functions alone, and half of `world` are cached properties. It therefore works on a copy of the tree in which
  `@cached_property def f` is written as `def f` and `f = cached_property(f)`.
- It starts pytest anew for every mutant, and asks the environment at every call which mutant is meant. Here the tests are collected
  once, each mutant is a fork that runs those that reach it, and what is called instead is set once.
"""

import ast
import functools
import hashlib
import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent
PLACE = HOUSE / ".local" / "mutation"
TREE = PLACE / "tree"
PACKAGE = Path("governance/policy")
COPIED = ("governance", "consent", "lineage", "tests", "docs", "pyproject.toml")
LEFT = {"staticmethod", "classmethod"}  # what mutmut looks into by itself
# Where a module's own tests stand, unless in `test_<module>.py` alone.
NEAR = {
    "granting": ("standing",),
    "periods": ("standing",),
    "clauses": ("clause",),
    "judging": ("judging", "alike", "memory"),
}
QUICK = 1.0  # seconds of tests that a mutant gets at first; only its survivors meet all that reach them
REASON = re.compile(r"#\s*survives: (?P<why>.{10,})")
PRAGMA = re.compile(r"#\s*pragma: no mutate(?P<why>.*)")
OF_THE_REFERENCE = re.compile(r"\[(.*-)?(reference|naive)(-.*)?\]$")  # asks nothing of the engine
# What decides first, most needed first: a run that is broken off has looked at these.
ORDER = [
    "judging",
    "people",
    "presence",
    "safeguards",
    "cells",
    "planning",
    "passing",
    "granting",
    "periods",
    "standing",
    "exposure",
    "clauses",
    "resting",
    "outlook",
    "alike",
    "memory",
    "remedies",
    "claims",
    "canonical",
    "questions",
    "steps",
    "reasons",
    "rules",
    "values",
    "world",
    "decisions",
    "answers",
    "tallies",
    "engine",
    "proof",
    "statements",
    "explain",
    "compiled",
]


# --- the copy


def stage() -> None:
    """Bring the copy up to date; a file that is the same stays untouched, so that its mutants stay."""
    wanted = {path.relative_to(HOUSE): path for path in _files()}
    for name, path in wanted.items():
        text = path.read_bytes()
        if PACKAGE in name.parents and name.suffix == ".py":
            text = undecorated(text.decode()).encode()
        target = TREE / name
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    for path in (each for root in COPIED if (TREE / root).is_dir() for each in (TREE / root).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.relative_to(TREE) not in wanted:
            path.unlink()
            (TREE / "mutants" / path.relative_to(TREE)).unlink(missing_ok=True)


def _files() -> Iterator[Path]:
    for name in COPIED:
        found = [HOUSE / name] if (HOUSE / name).is_file() else sorted((HOUSE / name).rglob("*"))
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def undecorated(text: str) -> str:
    """Return the module with each `@d def f` written as `def f` and `f = d(f)`."""
    lines = text.splitlines()
    after: dict[int, str] = {}
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef) or len(node.decorator_list) != 1:
            continue
        decorator = node.decorator_list[0]
        name = ast.unparse(decorator)
        if name in LEFT:
            continue
        lines[decorator.lineno - 1] = ""
        after[node.end_lineno or node.lineno] = f"{' ' * node.col_offset}{node.name} = {name}({node.name})"
    return "\n".join(f"{line}\n{after[n]}" if n in after else line for n, line in enumerate(lines, 1)) + "\n"


# --- which of the mutants is called


class Switch:
    """Stands in for mutmut's trampolines: `meant` names the mutant, or one of mutmut's own words (`stats`, `fail`)."""

    called: dict[str, dict[str, Any]] = {}  # by the name of the function, from its first call on
    meant = ""

    @classmethod
    def set(cls, meant: str | None) -> None:
        """Call a mutant from now on, or none."""
        cls.meant = meant or ""
        for name, versions in cls.called.items():
            cls._turn(name, versions)

    @classmethod
    def _turn(cls, name: str, versions: dict[str, Any]) -> None:
        versions.pop("now", None)
        if cls.meant.startswith(f"{name}__mutmut_"):
            versions["now"] = versions[cls.meant.rpartition(".")[2]]

    @classmethod
    def wrap(cls, versions: dict[str, Any], is_classmethod: bool = False) -> Any:
        """Return the decorator that mutmut writes before each function it has mutants of."""
        from mutmut.core import MutmutProgrammaticFailException
        from mutmut.state import state
        from mutmut.utils.format_utils import mangled_name_from_mutant_name

        def decorate(function: Any) -> Any:
            name = ""

            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal name
                if not name:
                    original = versions["_mutmut_orig"]
                    name = f"{original.__module__}.{mangled_name_from_mutant_name(original.__name__)}"
                    cls.called[name] = versions
                    cls._turn(name, versions)
                if cls.meant == "stats":
                    state()._stats.add(name)
                elif cls.meant == "fail":
                    raise MutmutProgrammaticFailException("some test must fail now")
                chosen = versions.get("now") or versions["_mutmut_orig"]
                return (
                    getattr(args[0], chosen.__name__)(*args[1:], **kwargs)
                    if is_classmethod
                    else chosen(*args, **kwargs)
                )

            return call

        return decorate


# --- the tests, collected once


class Tests:
    """One session of pytest, of which any tests can be run, any number of times."""

    def __init__(self, args: list[str]) -> None:
        import pytest
        from _pytest.config import _prepareconfig

        self.config = _prepareconfig(
            ["--rootdir=.", "-q", "--capture=no", "--tb=native", "--assert=plain", "-o", "addopts=", *args]
        )
        self.config._do_configure()
        self.session = pytest.Session.from_config(self.config)
        self.config.hook.pytest_sessionstart(session=self.session)
        self.config.hook.pytest_collection(session=self.session)
        if self.session.testsfailed or not self.session.items:
            raise SystemExit("the tests cannot be collected: run them by hand")
        self.items = {item.nodeid: item for item in self.session.items if not OF_THE_REFERENCE.search(item.nodeid)}
        self.caches = [
            each
            for name, module in sorted(sys.modules.items())
            if name.startswith(("governance.policy", "consent"))
            for each in vars(module).values()
            if isinstance(each, functools._lru_cache_wrapper)
        ]

    def run(self, names: Iterable[str], *, plugins: Iterable[Any] = ()) -> int:
        """Run tests up to the first that fails. What earlier tests left in caches is forgotten before each: a mutant must be met."""
        for plugin in plugins:
            self.config.pluginmanager.register(plugin)
        self.session.testsfailed, self.session.shouldfail = 0, False
        for name in _killers_first(list(names)):
            for cache in self.caches:
                cache.cache_clear()
            self.config.hook.pytest_runtest_protocol(item=self.items[name], nextitem=None)
            if self.session.testsfailed:
                print("failed:", name)
                _remember(name)
                break
        for plugin in plugins:
            self.config.pluginmanager.unregister(plugin)
        return 1 if self.session.testsfailed else 0


def _killers_first(names: list[str]) -> list[str]:
    """Quick tests first. The module's own, and what killed another mutant of the function, count as quick: they kill more often than not."""
    from mutmut.state import state

    if "__mutmut_" not in Switch.meant:
        return names
    known = set(_killers().read_text(encoding="utf-8").splitlines()) if _killers().exists() else set()
    near = _files_of(Switch.meant)
    cost = {
        name: state().duration_by_test[name] * (0.05 if name in known or any(each in name for each in near) else 1)
        for name in names
    }
    found = sorted(names, key=cost.__getitem__)
    spent = list(itertools.accumulate(map(cost.__getitem__, found)))
    return [name for name, seconds in zip(found, spent, strict=True) if seconds <= LIMIT["seconds"]] or found[:1]


def _files_of(mutant: str) -> tuple[str, ...]:
    """The files with the tests of the mutant's own module."""
    module = mutant.removeprefix("governance.policy.").split(".")[0]
    return tuple(f"/test_{name}" for name in NEAR.get(module, (module,)))


def _remember(name: str) -> None:
    if "__mutmut_" in Switch.meant:
        old = _killers().read_text(encoding="utf-8").splitlines() if _killers().exists() else []
        _killers().parent.mkdir(exist_ok=True)
        _killers().write_text("\n".join(dict.fromkeys([*old, name])), encoding="utf-8")


def _killers() -> Path:
    return PLACE / "killers" / Switch.meant.partition("__mutmut_")[0]


TESTS: list[Tests] = []
LIMIT = {"seconds": QUICK}
CLEAN: set[str] = set()  # what passed without a mutant


def tests() -> Tests:
    """Return the session, made at first need, when mutmut has put the mutants in the place of the code."""
    from mutmut.configuration import config

    if not TESTS:
        import hypothesis

        quick = hypothesis.settings(
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
        )
        hypothesis.settings.register_profile("mutants", quick, max_examples=8)
        hypothesis.settings.load_profile("mutants")
        TESTS.append(Tests([*config().pytest_add_cli_args_test_selection, *config().pytest_add_cli_args]))
    return TESTS[0]


def runner() -> type[Any]:
    """Return mutmut's runner with its ways of running tests replaced."""
    from mutmut.runners.harness import ListAllTestsResult, PytestRunner
    from mutmut.utils.file_utils import change_cwd

    class Warm(PytestRunner):
        def execute_pytest(self, params: list[str], **kwargs: Any) -> int:
            named = [name for name in params if "::" in name and name in tests().items]
            return tests().run(named or tests().items, plugins=kwargs.get("plugins", ()))

        def run_stats(self, *, tests: Iterable[str]) -> int:
            found = super().run_stats(tests=tests)
            _passed(() if found else tests or globals()["tests"]().items)
            return found

        def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
            if mutant_name is not None:
                return super().run_tests(mutant_name=mutant_name, tests=tests)
            left = [name for name in tests or globals()["tests"]().items if name not in _passed()]
            found = super().run_tests(mutant_name=None, tests=left) if left else 0
            _passed(() if found else left)
            return found

        def run_forced_fail(self) -> int:
            return super().run_tests(mutant_name="fail", tests=())

        def list_all_tests(self) -> ListAllTestsResult:
            with change_cwd("mutants"):
                return ListAllTestsResult(ids=set(tests().items))

    return Warm


def _passed(names: Iterable[str] = ()) -> set[str]:
    """Remember, and return, what passed without a mutant for as long as the files are the same."""
    file = PLACE / "passed" / _digest()
    if not CLEAN and file.exists():
        CLEAN.update(file.read_text(encoding="utf-8").splitlines())
    if new := set(names) - CLEAN:
        CLEAN.update(new)
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir()
        file.write_text("\n".join(sorted(CLEAN)), encoding="utf-8")
    return CLEAN


@functools.cache
def _digest() -> str:
    found = hashlib.sha256()
    for path in _files():
        found.update(path.read_bytes())
    return found.hexdigest()


# --- the run


def modules(wanted: list[str]) -> list[Path]:
    """Return the modules to look at, in order; raises `SystemExit` for one that there is not."""
    found = sorted((path.relative_to(TREE) for path in (TREE / PACKAGE).rglob("*.py")), key=_rank)
    if unknown := set(wanted) - {str(path) for path in found}:
        raise SystemExit(f"no module of {PACKAGE}: {', '.join(sorted(unknown))}")
    return [path for path in found if not wanted or str(path) in wanted]


def _rank(path: Path) -> tuple[int, str]:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return (ORDER.index(first) if first in ORDER else len(ORDER), str(path))


def run(paths: list[Path]) -> None:
    """Try the mutants of each module that were not killed before."""
    from mutmut import __main__ as mutmut
    from mutmut.mutation import trampoline
    from mutmut.workers import isolation

    (TREE / "mutants").mkdir(exist_ok=True)
    mutmut.copy_src_dir()
    mutmut.create_mutants(1)
    isolation.PytestRunner = mutmut.PytestRunner = runner()
    isolation.set_mutant_under_test = mutmut.set_mutant_under_test = Switch.set
    isolation.register_timeout = lambda pid, timeout_s: (
        None
    )  # a limit of processor time is enough, and fair on a busy machine
    trampoline.wrap_in_trampoline = Switch.wrap
    for seconds in (QUICK, float("inf")):
        LIMIT["seconds"] = seconds
        for path in paths:
            if names := _open(path):
                mutmut._run(names, 1)
                write_survivors(path)


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def results(path: Path) -> dict[str, int | None]:
    """Return what became of each mutant of a module, by its exit code (None: not tried)."""
    from mutmut.mutation.data import SourceFileMutationData

    data = SourceFileMutationData(path=path)
    data.load()
    return data.exit_code_by_key


def _open(path: Path) -> tuple[str, ...]:
    return tuple(
        name for name, code in results(path).items() if _status(code) in ("survived", "no tests", "not checked")
    )


def _status(code: int | None) -> str:
    from mutmut.stats import status_by_exit_code

    return str(status_by_exit_code[code])


def write_survivors(path: Path) -> None:
    """Write what survives in a module, as differences, to `.local/mutation/survivors/<module>.txt`."""
    file = PLACE / "survivors" / f"{_module(path).removeprefix('governance.policy.')}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    if left := survivors(path):
        told = [f"# {name}: {_status(results(path)[name])}\n{_difference(name, path)}\n" for name in left]
        file.write_text("\n".join(told), encoding="utf-8")


# --- the report


def report(paths: list[Path]) -> str:
    """Say for each module how many mutants there are, how many were killed, survived or were left out, with and without a reason."""
    head = ("module", "mutants", "killed", "reasoned", "survived", "not tried", "by pragma")
    rows = [(str(path.relative_to(PACKAGE)), *_counts(path)) for path in paths]
    rows = [row for row in rows if any(row[1:])]
    total = ("in all", *(sum(row[n] for row in rows) for n in range(1, 7)))
    every, killed, reasoned, unreasoned, untried, pragmas = total[1:]
    tried = max(every + pragmas - untried, 1)
    text = [
        *map(_line, (head, *rows, total)),
        f"\n{every + pragmas} mutants: {killed} killed, {reasoned} survived with a reason beside the code, {unreasoned} without one, "
        f"{pragmas} left out by pragma, {untried} not tried.",
        f"Left alive, with or without a reason: {100 * (reasoned + unreasoned + pragmas) / tried:.1f} % of those tried.",
    ]
    return "\n".join([*text, *_without_reason(paths)])


def _counts(path: Path) -> tuple[int, int, int, int, int, int]:
    found = {name: _status(code) for name, code in results(path).items()}
    killed = sum(status in ("killed", "timeout", "segfault") for status in found.values())
    untried = sum(status == "not checked" for status in found.values())
    left = survivors(path)
    reasoned = sum(_is_reasoned(name, path) for name in left)
    return len(found), killed, reasoned, len(found) - killed - untried - reasoned, untried, by_pragma(path)


def survivors(path: Path) -> list[str]:
    """Return the names of the mutants that no test noticed."""
    return [name for name, code in results(path).items() if _status(code) in ("survived", "no tests", "suspicious")]


def _is_reasoned(name: str, path: Path) -> bool:
    """Whether `# survives: why` stands on the changed line, or on one of its own above it."""
    changes = _difference(name, path).splitlines()
    changed = [n for n, line in enumerate(changes) if line.startswith("-") and not line.startswith("---")]
    return any(REASON.search(changes[n]) or REASON.fullmatch(changes[n - 1].strip()) for n in changed)


def _difference(name: str, path: Path) -> str:
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    return str(get_diff_for_mutant(name, path=path))


def by_pragma(path: Path) -> int:
    """Count the mutants that a pragma of the module keeps from being made."""
    from mutmut.mutation.file_mutation import create_mutations

    text = path.read_text(encoding="utf-8")
    if not PRAGMA.search(text):
        return 0
    made = [
        sum(each.contained_by_top_level_function is not None for each in create_mutations(str(path), source)[1])
        for source in (PRAGMA.sub("# ", text), text)
    ]
    return made[0] - made[1]


def _without_reason(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for found in PRAGMA.finditer(path.read_text(encoding="utf-8")):
            if len(found["why"].strip(" :-")) < 10:
                yield f"{path}: a pragma without a reason: {found[0]}"


def _line(cells: tuple[Any, ...]) -> str:
    return f"{cells[0]:32}" + "".join(f"{cell:>11}" for cell in cells[1:])


def main(argv: list[str]) -> None:
    """`mutants.py [report|fresh] [module …]`."""
    order = argv.pop(0) if argv[:1] in (["report"], ["fresh"]) else ""
    if order == "fresh":
        shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True, exist_ok=True)
    if order != "report":
        stage()
    os.chdir(TREE)
    paths = modules(argv)
    if order != "report":
        os.environ.setdefault("POLICY_EXAMPLES", "8")
        run(paths)
    told = report(paths)
    (PLACE / "report.txt").write_text(told + "\n", encoding="utf-8")
    print(told)


if __name__ == "__main__":
    main(sys.argv[1:])
