import json
import os
import time

import pytest

from striate.results import Score, save
from striate.study import failures, path_of, plans, progress, run
from striate.study.claims import claim
from striate.study.run import checkpoint_of, lock_of
from striate.study.status import Status, forget, status


def task(number, **more):
    return {"study": "roots", "label": f"root-of-{number}", "number": number, **more}


TASKS = [task(number) for number in (4, -1, 9, 16, 25, 36, 49)]


def root(task, checkpoint):
    return [Score("root", task["number"] ** 0.5 if task["number"] > 0 else 1 / 0)]


def stands(folder):
    return {one.label: (one.state, one.reason) for one in status(folder)}


def test_every_task_of_a_plan_is_listed_with_its_reason(tmp_path):
    plans.leave(TASKS, tmp_path, command="striate run roots")
    list(run(root, TASKS[:2], directory=tmp_path, failed=lambda _: None))
    stopped, early, damaged = TASKS[3:6]
    progress.note(checkpoint_of(stopped, tmp_path), 3, 10, "α 1.20")
    checkpoint_of(stopped, tmp_path).write_text("frozen")
    lock_of(early, tmp_path).touch()
    for number in (1, 9, 10):
        file = path_of(damaged, tmp_path)
        file.with_name(f"{file.name}.damaged-{number}").touch()
    with claim(lock_of(TASKS[2], tmp_path)):
        progress.note(checkpoint_of(TASKS[2], tmp_path), 2, 10, "α 1.10")
        found = stands(tmp_path)
    assert list(found) == [one["label"] for one in TASKS]
    assert found["root-of-4"] == ("done", "")
    state, reason = found["root-of--1"]
    assert state == "failed"
    assert reason.startswith("ZeroDivisionError: division by zero (20")
    state, reason = found["root-of-9"]
    assert state == "running"
    assert reason.startswith("epoch 2/10 α 1.10, for 0 s, process ")
    assert str(os.getpid()) in reason
    assert found["root-of-16"] == (
        "missing",
        "stopped after epoch 3/10; goes on from its last checkpoint",
    )
    assert found["root-of-25"] == ("missing", "stopped before its first checkpoint")
    aside = f"{path_of(damaged, tmp_path).name}.damaged-10"
    assert found["root-of-36"] == ("missing", f"its result was damaged, and is now {aside}")
    assert found["root-of-49"] == ("missing", "not begun")


def test_results_without_a_plan_are_listed_too(tmp_path):
    list(run(root, TASKS[:2], directory=tmp_path, failed=lambda _: None))
    failed, done = sorted(status(tmp_path))
    assert failed[:3] == ("roots", "root-of--1", "failed")
    assert done == Status("roots", "root-of-4", "done", "in no plan")


def test_a_task_of_two_plans_is_listed_once(tmp_path):
    plans.leave(TASKS[:2], tmp_path, command="a")
    plans.leave(TASKS[1:3], tmp_path, command="b")
    assert sorted(stands(tmp_path)) == sorted(one["label"] for one in TASKS[:3])


def test_a_plan_comes_back_and_is_written_once(tmp_path):
    more = [{**TASKS[0], "x": True}, {**TASKS[1], "x": 1}, {**TASKS[2], "x": 1.0}]
    file = plans.leave(more, tmp_path, command="striate run")
    assert plans.leave(more, tmp_path, command="striate run") == file
    (plan,) = plans.left(tmp_path)
    assert plan.command == "striate run"
    assert [path_of(one, tmp_path) for one in plan.tasks] == [path_of(t, tmp_path) for t in more]
    assert json.loads(file.read_text())["shared"] == {"study": "roots"}
    assert plans.leave([], tmp_path, command="") != file


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"sha256": 1, "command": 2}'])
def test_a_damaged_plan_is_refused_by_name(tmp_path, text):
    plans.leave(TASKS, tmp_path, command="").write_text(text)
    with pytest.raises(ValueError, match=r"roots-.*\.json is damaged; delete it, the next run"):
        list(status(tmp_path))


def row(entry, **more):
    return {"study": "kong2021", "label": f"row-{entry}", "entry": entry, **more}


def test_a_summary_is_planned_by_what_is_known_of_it_before(tmp_path):
    parts = [row("a", quick=True), row("b", quick=True)]
    plans.leave(TASKS[:2], tmp_path, command="striate run", summaries=parts)
    plans.leave(TASKS[:2], tmp_path, command="striate run")  # without them it is another
    follows = ("missing", "follows from its measurements")
    assert (stands(tmp_path)["row-a"], stands(tmp_path)["row-b"]) == (follows, follows)
    made = [row("a", quick=True, roots="x.json"), row("a", quick=True, reason="none")]
    other = [row("a", quick=False), row("b"), row("b", quick=1)]  # of other settings
    list(run(lambda *_: [], [*made, *other], directory=tmp_path))
    found = list(status(tmp_path))
    assert [one[2:] for one in found if one.label == "row-a"] == [
        ("done", ""),  # once, however often it was written
        ("done", "in no plan"),
    ]
    assert [one[2:] for one in found if one.label == "row-b"] == [
        follows, ("done", "in no plan"), ("done", "in no plan"),
    ]  # fmt: skip
    for one in made:
        path_of(one, tmp_path).unlink()
    assert Status("kong2021", "row-a", *follows) in list(status(tmp_path))


def test_what_could_not_be_had_is_absent_until_it_is_measured(tmp_path):
    for entry in ("a", "b"):
        gone = row(entry, kind="absent", reason=f"no {entry} here")
        list(run(lambda *_: [], [gone], directory=tmp_path))
    assert set(stands(tmp_path).values()) == {("absent", "no a here"), ("absent", "no b here")}
    measured = row("a", kind="network", label="nets.py-a")
    list(run(lambda *_: [], [measured], directory=tmp_path))
    assert stands(tmp_path) == {
        "row-a": ("done", "in no plan"),
        "nets.py-a": ("done", "in no plan"),
        "row-b": ("absent", "no b here"),
    }
    path_of(measured, tmp_path).write_text("damaged, which is for others to tell")
    assert stands(tmp_path)["row-a"] == ("absent", "no a here")


def test_what_could_not_be_had_twice_is_absent_once_for_the_last_reason(tmp_path):
    """The reason is part of the name, so each has a file."""
    for reason in ("no weights here", "it takes 3 channels", "a third"):
        gone = row("a", kind="absent", reason=reason)
        list(run(lambda *_: [], [gone], directory=tmp_path))
    (tmp_path / "kong2021").joinpath("x").mkdir()  # results of another folder are another's
    assert [(one.state, one.reason) for one in status(tmp_path)] == [("absent", "a third")]


def test_of_reasons_that_were_merged_the_one_that_began_last_is_told(tmp_path):
    """They lie there in the order in which they were copied."""
    for reason, day in (("no weights yet", 2), ("no internet", 1)):
        gone = row("a", kind="absent", reason=reason)
        about = {"started": f"2026-01-0{day}T12:00:00+00:00"}
        save(path_of(gone, tmp_path), [], task=gone, provenance=about)
    assert [(one.state, one.reason) for one in status(tmp_path)] == [("absent", "no weights yet")]


def test_what_failed_here_and_was_done_elsewhere_is_done(tmp_path):
    failing = TASKS[1]
    list(run(root, [failing], directory=tmp_path, failed=lambda _: None))
    save(path_of(failing, tmp_path), [Score("root", 1.0)], task=failing, provenance={})
    assert [one.state for one in status(tmp_path)] == ["done"]


def test_what_nobody_means_to_do_any_more_is_forgotten_and_results_stay(tmp_path):
    dropped = [task(number, study="other") for number in (-4, 64, 81)]
    plans.leave(TASKS[:4], tmp_path, command="a")
    plans.leave([*dropped, TASKS[1]], tmp_path, command="b", summaries=[row("a")])
    plans.leave([*dropped, TASKS[0]], tmp_path, command="c")
    list(run(root, [*TASKS[:2], *dropped[:2]], directory=tmp_path, failed=lambda _: None))
    with claim(lock_of(TASKS[2], tmp_path)):
        assert forget(tmp_path, "roots/*") == ["roots/root-of--1", "roots/root-of-16"]
        found = stands(tmp_path)
    assert {label: state for label, (state, _) in found.items()} == {
        "root-of-4": "done", "root-of-9": "running", "root-of--4": "failed",
        "root-of-64": "done", "root-of-81": "missing", "row-a": "missing",
    }  # fmt: skip
    assert forget(tmp_path, "[ok]*") == ["other/root-of--4", "other/root-of-81", "kong2021/row-a"]
    assert [one.task for one in failures.recorded(tmp_path)] == []
    found = stands(tmp_path)
    assert sorted(found) == ["root-of-4", "root-of-64", "root-of-9"]
    assert {plan.command: len(plan.tasks) for plan in plans.left(tmp_path)} == {
        "a": 2, "b": 1, "c": 2,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"--forget 'other/\*' fits nothing that is failed or mis"):
        forget(tmp_path, "other/*")


def test_a_plan_of_which_all_is_forgotten_is_gone(tmp_path):
    plans.leave(TASKS, tmp_path, command="a")
    forget(tmp_path, "*")
    assert list(plans.left(tmp_path)) == []
    assert list(status(tmp_path)) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no results folder at"):
        list(status(tmp_path / "nowhere"))


def test_a_thousand_cells_are_listed_in_a_moment(tmp_path):
    """10 000 in two seconds, says docs/reliability.md; here the time of this process counts."""
    tasks = [task(number, setting=0.5) for number in range(1000)]
    plans.leave(tasks, tmp_path, command="")
    for one in tasks[:500]:
        path_of(one, tmp_path).parent.mkdir(exist_ok=True)
        path_of(one, tmp_path).touch()
    started = time.process_time()
    states = [one.state for one in status(tmp_path)]
    assert time.process_time() - started < 3  # with every type checked, as in tests
    assert (states.count("done"), states.count("missing")) == (500, 500)


def test_what_runs_without_a_plan_is_listed_with_how_far_it_is(tmp_path):
    plans.leave(TASKS[:1], tmp_path, command="striate run roots")
    with claim(lock_of(TASKS[2], tmp_path), "roots"), claim(lock_of(TASKS[0], tmp_path), "roots"):
        progress.note(checkpoint_of(TASKS[2], tmp_path), 2, 10, "α 1.10")
        (planned, alone) = status(tmp_path)
    assert planned[:3] == ("roots", "root-of-4", "running")
    assert alone[:3] == ("roots", "root-of-9", "running")
    assert alone.reason.startswith("epoch 2/10 α 1.10, for 0 s, process ")
    assert not list(status(tmp_path))[1:]  # a lock that nobody holds is none
    seen = []
    list(run(lambda *_: seen.extend(status(tmp_path)) or [], TASKS[2:3], directory=tmp_path))
    assert seen[1][:3] == ("roots", "root-of-9", "running")


def test_what_failed_and_runs_again_is_listed_once(tmp_path):
    (failing,) = [one for one in TASKS if one["number"] < 0]
    list(run(root, [failing], directory=tmp_path, failed=lambda _: None))
    with claim(lock_of(failing, tmp_path), "roots"):
        assert [one.state for one in status(tmp_path)] == ["running"]
    list(run(root, TASKS[:1], directory=tmp_path))
    with claim(lock_of(TASKS[0], tmp_path), "roots"):
        assert [one.state for one in status(tmp_path)] == ["running", "failed"]
