from dataclasses import dataclass, field, replace

import pytest

from studio.domain import (
    Author,
    Brief,
    Choice,
    Decision,
    Edit,
    Mode,
    Phase,
    Picture,
    Session,
    StopReason,
    Waiting,
    best_node,
    decide,
    next_phase,
    path_to_root,
    resume,
)
from studio.errors import BackendError, Cancelled
from studio.loop import advance, seed_for
from tests.scripted import EDITS, ScriptedBackend

BRIEF = Brief("three red balloons above a brown bench", 64, 64, seed=5)


@dataclass
class Play:
    """A session run to where it waits or ends, without a library."""

    backend: ScriptedBackend = field(default_factory=ScriptedBackend)
    pictures: dict[str, Picture] = field(default_factory=dict)

    def start(self, **brief: object) -> Session:
        changed = replace(BRIEF, **brief)  # type: ignore[arg-type]
        return self.run(Session(changed, self.backend.identity))

    def run(self, session: Session) -> Session:
        while outcome := advance(session, self.backend, self.pictures.__getitem__, lambda done, total: None):
            session = outcome.session
            if outcome.picture:
                self.pictures[outcome.picture.sha256] = outcome.picture
        return session


def test_the_loop_plans_draws_looks_and_edits_until_nothing_is_left_to_edit() -> None:
    play = Play()
    session = play.start()
    look, draw = Phase.REFLECT, Phase.REFINE
    assert play.backend.calls == [Phase.REASON, Phase.DRAFT, look, draw, look, draw, look]
    assert session.stop is StopReason.SATISFIED
    assert [node.edit and node.edit.text for node in session.nodes] == [None, *EDITS]
    assert len({node.picture for node in session.nodes}) == 3


def test_each_advance_is_one_phase() -> None:
    play = Play()
    outcome = advance(Session(BRIEF, play.backend.identity), play.backend, play.pictures.__getitem__, lambda d, t: None)
    assert outcome is not None
    assert play.backend.calls == [Phase.REASON]
    assert outcome.session.plan is not None
    assert "three red balloons" in outcome.session.plan.text
    assert outcome.picture is None


def test_a_stop_costs_no_drawing() -> None:
    play = Play(ScriptedBackend(edits=()))
    session = play.start()
    assert session.stop is StopReason.SATISFIED
    assert play.backend.calls == [Phase.REASON, Phase.DRAFT, Phase.REFLECT]
    assert len(play.pictures) == 1


def test_the_turn_limit_ends_a_run_after_that_many_refinements() -> None:
    play = Play(ScriptedBackend(edits=[f"Add ball {i}." for i in range(9)]))
    session = play.start(turn_limit=2)
    assert session.stop is StopReason.TURN_LIMIT
    assert play.backend.calls.count(Phase.REFINE) == 2
    assert session.nodes[-1].reflection is not None  # the last version was looked at, too


def test_an_edit_already_carried_out_ends_a_run_instead_of_a_circle() -> None:
    play = Play(ScriptedBackend(edits=["Add a ball.", "Make it red.", "add a  BALL."]))
    assert play.start().stop is StopReason.REPEATED_EDIT
    assert play.backend.refined_with == ["Add a ball.", "Make it red."]


def test_a_cut_off_critique_is_asked_for_once_more() -> None:
    play = Play(ScriptedBackend(edits=(), cut_off=1))
    session = play.start()
    assert session.stop is StopReason.SATISFIED
    assert play.backend.calls.count(Phase.REFLECT) == 2


def test_a_critique_cut_off_twice_is_reported_and_is_no_stop_by_the_model() -> None:
    play = Play(ScriptedBackend(cut_off=2))
    session = play.start()
    assert session.stop is StopReason.UNPARSEABLE_CRITIQUE
    assert "write the edit yourself" in session.problem
    assert session.nodes[0].reflection is None
    play.backend.cut_off = 0
    assert play.run(resume(session)).stop is StopReason.SATISFIED


def test_a_person_writes_the_edit_that_the_model_could_not() -> None:
    play = Play(ScriptedBackend(cut_off=2))
    session = decide(play.start(), 0, Decision(Choice.OVERRIDE, "Add a cat."))
    play.backend.cut_off = 0
    session = play.run(session)
    assert session.nodes[1].edit == Edit("Add a cat.", Author.PERSON, None)


def test_step_mode_waits_at_every_edit_and_goes_on_when_accepted() -> None:
    play = Play()
    session = play.start(mode=Mode.STEP)
    assert next_phase(session) is Waiting.DECISION
    assert play.backend.refined_with == []
    session = play.run(decide(session, 0, Decision(Choice.ACCEPT)))
    assert session.nodes[1].edit == Edit(EDITS[0], Author.MODEL, EDITS[0])
    assert next_phase(session) is Waiting.DECISION
    assert session.decision is None


def test_a_persons_words_are_carried_out_and_the_models_are_kept_beside_them() -> None:
    play = Play()
    session = play.start(mode=Mode.STEP)
    session = play.run(decide(session, 0, Decision(Choice.OVERRIDE, "  Add a cat. ")))
    assert play.backend.refined_with == ["Add a cat."]
    assert session.nodes[1].edit == Edit("Add a cat.", Author.PERSON, EDITS[0])


def test_a_rewrite_asks_again_and_avoids_what_was_proposed() -> None:
    play = Play()
    session = play.start(mode=Mode.STEP)
    session = play.run(decide(session, 0, Decision(Choice.REWRITE)))
    assert play.backend.avoided[-1] == (EDITS[0],)
    first, second = session.nodes[0].reflections
    assert first.edit != second.edit
    assert first.seed != second.seed
    assert next_phase(session) is Waiting.DECISION
    assert play.backend.refined_with == []


def test_a_stop_by_the_person_ends_a_run_without_a_model_step() -> None:
    play = Play()
    session = play.start(mode=Mode.STEP)
    done = len(play.backend.calls)
    session = play.run(decide(session, 0, Decision(Choice.STOP)))
    assert session.stop is StopReason.STOPPED_BY_USER
    assert session.decision is None
    assert len(play.backend.calls) == done


def test_deciding_on_an_earlier_version_branches_and_keeps_every_version() -> None:
    play = Play()
    first = play.start()
    second = play.run(decide(first, 1, Decision(Choice.OVERRIDE, "Add a dog.")))
    assert second.nodes[: len(first.nodes)] == first.nodes
    assert path_to_root(second, 3) == (0, 1, 3)
    assert second.nodes[3].edit == Edit("Add a dog.", Author.PERSON, EDITS[1])


def test_a_person_may_go_beyond_the_turn_limit() -> None:
    play = Play(ScriptedBackend(edits=[f"Add ball {i}." for i in range(9)]))
    session = play.start(turn_limit=1)
    session = play.run(decide(session, 1, Decision(Choice.ACCEPT)))
    assert len(session.nodes) == 3
    assert session.stop is StopReason.TURN_LIMIT


def test_best_is_named_apart_from_the_last() -> None:
    play = Play()
    session = play.run(decide(play.start(), 0, Decision(Choice.OVERRIDE, "Add a hat.")))
    scores = (0.1, 0.4, 1.0, 0.3)
    assert len(session.nodes) >= 4
    nodes = tuple(replace(n, score=s) for n, s in zip(session.nodes, (*scores, 0.2, 0.2), strict=False))
    assert best_node(replace(session, nodes=nodes)) == 2


def test_the_same_brief_gives_the_same_history() -> None:
    def shape(session: Session) -> list[tuple[str, int, object]]:
        return [(n.picture, n.seed, n.edit) for n in session.nodes]

    assert shape(Play().start()) == shape(Play().start())
    assert shape(Play().start()) != shape(Play().start(seed=6))


def test_seeds_of_turns_and_attempts_differ_and_stay_in_range() -> None:
    session = Session(replace(BRIEF, seed=2**32 - 1), ScriptedBackend().identity)
    seeds = {seed_for(session, turn, attempt) for turn in range(13) for attempt in range(6)}
    assert len(seeds) == 13 * 6
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert seed_for(session, 0) == 2**32 - 1


def test_a_cancel_passes_through_and_the_session_stays_as_it_was() -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled

    play = Play()
    with pytest.raises(Cancelled):
        advance(Session(BRIEF, play.backend.identity), play.backend, play.pictures.__getitem__, cancel)


def test_a_failing_model_step_is_raised_for_the_worker_to_record() -> None:
    play = Play(ScriptedBackend(fail_in=Phase.DRAFT))
    with pytest.raises(BackendError, match="Try another seed"):
        play.start()
