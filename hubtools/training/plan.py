"""Which batch comes when, how fast it is learned from, and how many passes there are."""

from __future__ import annotations

import math

from hubtools.training.checkpoint import Progress
from hubtools.training.recipe import Recipe
from hubtools.training.tokens import Batch, TokenBlocks, batches_of_pass, batches_of_stream


class Plan:
    """The course of a training, as its recipe says: a function of posts, seed and progress.

    A recipe with `choose` holds the learning rate up, over the posts that are not kept aside,
    until those that are show that it is enough; then the rate falls over passes that see all.
    """

    def __init__(
        self,
        blocks: TokenBlocks,
        aside: TokenBlocks | None,
        recipe: Recipe,
        seed: int,
        peak: float,
        context: int,
    ) -> None:
        self.aside = aside
        self.everything = blocks.joined(aside) if aside else blocks
        self._blocks = blocks
        self._recipe = recipe
        self._seed = seed
        self.peak = peak
        self._context = context
        self._whole = None if recipe.early_stopping else self._all_batches()
        if self._whole is not None:
            self.steps = sum(map(len, self._whole))
        else:
            self._each = len(self._batches(self.everything, 0))
            self.steps = recipe.epochs * self._each
        """At most; about, where they are not known."""

    def steps_left(self, progress: Progress) -> int:
        """As far as is known."""
        if self._whole is not None:
            return self.steps - progress.step
        epochs = self.epochs(progress) - progress.number
        return max(0, epochs * self._each - progress.index)

    def epochs(self, progress: Progress) -> int:
        """In all, as far as is known."""
        choose = self._recipe.early_stopping
        if choose is None or progress.hold is None:
            return self._recipe.epochs
        return progress.hold + choose.falling(progress.hold)

    def falling(self, progress: Progress) -> bool:
        """Whether the pass in progress sees all posts, with a rate that falls."""
        return progress.hold is not None and progress.number >= progress.hold

    def decide(self, progress: Progress) -> None:
        """After a pass: whether the learning rate falls from here on.

        It does when the loss on posts kept aside fell by too little, or no pass more is allowed.
        """
        choose = self._recipe.early_stopping
        if choose is None or progress.hold is not None:
            return
        hold = progress.number
        looked = progress.held_out
        enough = len(looked) > 1 and looked[-1] > (1 - choose.min_delta) * looked[-2]
        if enough or hold + 1 + choose.falling(hold + 1) > self._recipe.epochs:
            progress.hold = hold

    def batches(self, progress: Progress) -> tuple[Batch, ...]:
        """Of the pass in progress."""
        if self._whole is not None:
            return self._whole[progress.number]
        return self._batches(
            self.everything if self.falling(progress) else self._blocks, progress.number
        )

    def rate(self, progress: Progress, batches: int) -> float:
        """The learning rate of the next step, one of `batches` in its pass."""
        peak, warmup, choose = self.peak, self._recipe.warmup_ratio, self._recipe.early_stopping
        if choose is None:
            return peak * schedule(progress.step, self.steps, warmup)
        rising = round(warmup * self.steps)
        up = min(1.0, (progress.step + 1) / max(1, rising))
        if progress.hold is None or progress.number < progress.hold:
            return peak * up
        left = choose.falling(progress.hold)
        share = (progress.number - progress.hold + progress.index / batches) / left
        return peak * up * (1 - share)

    def _all_batches(self) -> tuple[tuple[Batch, ...], ...]:
        recipe = self._recipe
        if recipe.packing is None:
            return tuple(self._batches(self.everything, n) for n in range(recipe.epochs))
        size = recipe.tokens_per_step // recipe.packing.block_size
        block = min(recipe.packing.block_size, self._context)
        return batches_of_stream(self.everything, block, size, recipe.epochs, self._seed)

    def _batches(self, blocks: TokenBlocks, number: int) -> tuple[Batch, ...]:
        return batches_of_pass(blocks, self._recipe.tokens_per_step, self._seed, number)


def schedule(step: int, steps: int, warmup: float) -> float:
    """The share of the peak learning rate at `step`: linear up, then a cosine down to zero."""
    rising = max(1, round(warmup * steps)) if warmup else 0
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
