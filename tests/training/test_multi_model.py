"""Models trained together: the same as one after the other, but for rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.training import multi_model
from hubtools.training.base import Base, load_base
from hubtools.training.data import IGNORE_INDEX, Batch, TrainData
from hubtools.training.lora import add_adapter
from hubtools.training.model_cache import ModelCache
from hubtools.training.multi_model import (
    GroupGradients,
    ModelGroup,
    side_by_side,
    similar,
    stacked_gradients,
)
from hubtools.training.recipe import Lora, Recipe, load_recipe
from hubtools.training.trainer import Gradients, Trainer, TrainResult
from tests.training import tiny_bases
from tests.training.makers import posts
from tests.training.runs import CancelAt, Recorder, rows_of

ADAPTER = replace(load_recipe("lora"), epochs=2, tokens_per_step=256, lora=Lora(rank=4, alpha=8))
MODEL = replace(load_recipe("default"), epochs=3, tokens_per_step=256, dropout=0.0)

Trained = tuple[TrainResult, dict[str, torch.Tensor]]


def data_of(base: Base, seed: int) -> TrainData:
    """Few posts or many, as the seed is."""
    texts = posts(20 + 15 * seed, seed)
    return TrainData(rows_of(base, texts[6:]), rows_of(base, texts[:6]))


def train(
    base: Base,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    group: ModelGroup | None = None,
    cancel: CancelAt | None = None,
) -> Trained:
    if recipe.lora is not None:
        add_adapter(base.model, recipe.lora, seed)
    reporter = Reporter((cancel,)) if cancel else Reporter()
    token = cancel.token if cancel else CancelToken()
    gradients = GroupGradients(group, base, recipe, reporter) if group else None
    with group.member(token) if group else nullcontext():
        result = Trainer(
            base,
            data_of(base, seed),
            recipe,
            seed=seed,
            checkpoint=checkpoint,
            reporter=reporter,
            cancel=token,
            gradients=gradients,
        ).train()
    return result, {n: p.detach() for n, p in base.model.named_parameters() if p.requires_grad}


def assert_alike(one: Trained, other: Trained) -> None:
    assert one[1].keys() == other[1].keys()
    for name, weight in one[1].items():
        torch.testing.assert_close(weight, other[1][name], atol=3e-5, rtol=1e-3)
    found, expected = one[0], other[0]
    assert (found.steps, found.epochs, found.stable_epochs) == (
        expected.steps, expected.epochs, expected.stable_epochs
    )  # fmt: skip
    assert found.train_losses == pytest.approx(expected.train_losses, abs=1e-3)
    assert [p.val_loss for p in found.history] == pytest.approx(
        [p.val_loss for p in expected.history], abs=1e-3, nan_ok=True
    )


@pytest.mark.parametrize(
    ("make", "recipe"),
    [
        (tiny_bases.gpt2, ADAPTER),
        (tiny_bases.gpt2, replace(MODEL, ema_decay=0.9)),
        (tiny_bases.smollm, MODEL),
        (tiny_bases.qwen3, replace(ADAPTER, ema_decay=0.9)),
    ],
)
def test_together_is_as_alone(make: Callable[[Path], None], recipe: Recipe, tmp_path: Path) -> None:
    """With different posts, seeds and numbers of steps, and more models than seats."""
    folder = tmp_path / "base"
    make(folder)
    models = ModelCache(models_per_batch=2)
    group = models.group(str(folder), recipe)
    assert group is not None

    def one(seed: int) -> Trained:
        with models.turn():
            base = models.load_copy(str(folder), recipe, seed)
        return train(base, recipe, seed, tmp_path / f"c{seed}", group)

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(one, range(3)))
    for seed, found in enumerate(together):
        alone = load_base(str(folder), recipe.dropout)
        assert_alike(found, train(alone, recipe, seed, tmp_path / f"a{seed}"))
    assert len({result.steps for result, _ in together}) == 3
    pristine, cached = load_base(str(folder)), models.load(str(folder), recipe, (), 0)
    for name, weight in pristine.model.state_dict().items():
        assert torch.equal(cached.model.state_dict()[name], weight)


def test_gradients_are_really_computed_together(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(members: Sequence[tuple[GroupGradients, Batch]]) -> list[float]:
        sizes.append(len(members))
        return stacked_gradients(members)

    monkeypatch.setattr(multi_model, "stacked_gradients", counted)
    group = ModelGroup(3, nullcontext)
    run_together(tiny_gpt2, tmp_path, group, [1, 1, 1])
    assert sizes.count(3) > 5


def run_together(
    folder: Path,
    place: Path,
    group: ModelGroup,
    seeds: Sequence[int],
    cancel: CancelAt | None = None,
) -> list[Trained | BaseException]:
    """A thread for each seed; `cancel` is for the first."""

    bases = [load_base(str(folder), ADAPTER.dropout) for _ in seeds]

    def one(number: int, seed: int) -> Trained | BaseException:
        base = bases[number]
        try:
            mine = None if number else cancel
            return train(base, ADAPTER, seed, place / f"c{number}", group, mine)
        except (ModelError, CancelledError) as error:
            return error

    with ThreadPoolExecutor(len(seeds)) as pool:
        return list(pool.map(one, range(len(seeds)), seeds))


def alone(folder: Path, place: Path, seed: int) -> Trained:
    return train(load_base(str(folder), ADAPTER.dropout), ADAPTER, seed, place / f"alone{seed}")


def test_a_model_that_fails_does_not_stop_the_others(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(members: Sequence[tuple[GroupGradients, Batch]]) -> list[float]:
        found = stacked_gradients(members)
        return [float("nan"), *found[1:]]

    monkeypatch.setattr(multi_model, "stacked_gradients", spoiled)
    found = run_together(tiny_gpt2, tmp_path, ModelGroup(2, nullcontext), [1, 1])
    (error,) = [one for one in found if isinstance(one, ModelError)]
    assert error.fix is not None
    (made,) = [one for one in found if not isinstance(one, BaseException)]
    assert_alike(made, alone(tiny_gpt2, tmp_path, 1))


def test_a_cancelled_model_resumes_and_the_others_go_on(tiny_gpt2: Path, tmp_path: Path) -> None:
    cancel = CancelAt(2)
    found = run_together(tiny_gpt2, tmp_path, ModelGroup(2, nullcontext), [1, 2], cancel)
    assert isinstance(found[0], CancelledError) and isinstance(found[1], tuple)
    assert_alike(found[1], alone(tiny_gpt2, tmp_path, 2))
    base = load_base(str(tiny_gpt2), ADAPTER.dropout)
    resumed = train(base, ADAPTER, 1, tmp_path / "c0", ModelGroup(2, nullcontext))
    assert_alike(resumed, alone(tiny_gpt2, tmp_path, 1))


def test_what_does_not_fit_into_memory_is_split(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(members: Sequence[tuple[GroupGradients, Batch]]) -> list[float]:
        if len(members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return stacked_gradients(members)

    monkeypatch.setattr(multi_model, "stacked_gradients", small)
    recorder, group = Recorder(), ModelGroup(4, nullcontext)
    bases = [load_base(str(tiny_gpt2), 0.0) for _ in range(4)]
    requests = []
    for number, base in enumerate(bases):
        gradients = GroupGradients(group, base, MODEL, Reporter((recorder,)))
        batch = data_of(base, number).train.rows[:3]
        requests.append(multi_model._Request(gradients, batch))
    losses = group._compute(requests)
    assert [warning.code for warning in recorder.warnings] == ["out_of_memory"]
    for base, request, loss in zip(bases, requests, losses, strict=True):
        plain = load_base(str(tiny_gpt2), 0.0)
        assert loss == pytest.approx(Gradients(plain, MODEL, Reporter())(request.batch), rel=1e-5)
        for ours, theirs in zip(base.model.parameters(), plain.model.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)


def test_an_error_of_a_pass_is_raised_in_each_thread(tiny_gpt2: Path, tmp_path: Path) -> None:
    @contextmanager
    def broken() -> Iterator[None]:
        raise ModelError("the device is gone")
        yield

    found = run_together(tiny_gpt2, tmp_path, ModelGroup(2, broken), [1, 1])
    assert all(isinstance(one, ModelError) for one in found)


def test_a_full_group_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi_model, "_POLL", 0.01)
    group, cancel = ModelGroup(1, nullcontext), CancelToken()
    with group.member(cancel):
        cancel.cancel()
        with pytest.raises(CancelledError), group.member(cancel):
            pass
    with group.member(cancel):
        pass


def test_batches_of_similar_width_meet_and_none_is_forgotten() -> None:
    def batch(rows: int, width: int) -> Batch:
        return ((1,) * width,) * rows

    waiting = [batch(50, 20), batch(5, 200), batch(48, 21), batch(5, 190)]
    assert similar(waiting) == [0, 2]
    assert similar(waiting[1:2] + waiting[3:]) == [1, 0]
    assert similar([batch(1, 3)]) == [0]


def test_padding_of_several_batches_has_no_label() -> None:
    inputs, labels = side_by_side([((1, 2, 3, 8),), ((4, 5), (6, 7))], "cpu")
    assert inputs.shape == labels.shape == (2, 2, 3)
    pad = IGNORE_INDEX
    assert labels.tolist() == [[[2, 3, 8], [pad] * 3], [[5, pad, pad], [7, pad, pad]]]
    assert inputs[1, :, 0].tolist() == [4, 6]


def test_who_trains_alone(tiny_gpt2: Path) -> None:
    name = str(tiny_gpt2)
    assert ModelCache().group(name, ADAPTER) is None
    together = ModelCache(models_per_batch=2)
    assert together.group("scratch", load_recipe("scratch")) is None
    assert together.group(name, ADAPTER) is together.group(name, ADAPTER)
    assert together.group(name, ADAPTER) is not together.group(name, MODEL)
