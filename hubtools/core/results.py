"""What is known of a finished model: the facts that training measures and a card shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCounts:
    """Counts of an account's posts; downloaded = reposts + dropped + kept."""

    downloaded: int
    reposts: int
    dropped: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Recipe and outcome of a run, as far as they depend on the seed and the posts alone."""

    recipe: str
    seed: int
    posts: int
    """Posts in the train split, all accounts together."""
    tokens: int
    """Tokens in one epoch, with accounts weighted equally."""
    epochs: int
    steps: int
    learning_rate: float
    """The peak."""
    parameters: int
    train_loss: float
    """Mean cross-entropy of the last epoch, nats/token."""
    val_loss: float | None = None
    """Cross-entropy on the validation split at `best_epoch`, nats/token."""
    val_posts: int | None = None
    """Posts in the validation split; None where nothing was validated."""
    best_epoch: int | None = None
    """The epoch with the lowest validation loss; 0 is before training."""
    stable_epochs: int | None = None
    """Epochs before the learning rate decayed, as the validation loss decided."""
    lora_rank: int | None = None
    """Rank of the LoRA adapter; None where all weights were trained."""
    curves: bool | None = None
    """Whether `training.png` shows the loss curves; None where there is no such picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How well the model predicts the test split, and how often it repeats the train split."""

    posts: int
    """Posts in the test split."""
    test_loss: float
    """Cross-entropy, nats/token."""
    perplexity: float | None = None
    """exp(test_loss)."""
    bits_per_byte: float
    base_loss: float | None = None
    """Test loss of the base model before training."""
    base_bits_per_byte: float | None = None
    predictions: int
    """Predictions that were checked for repeated training text."""
    memorized_fraction: float
    """Fraction of those that repeat training text, 0 to 1."""
    memorized_baseline: float
    """Fraction of the test posts that do, 0 to 1."""
    ngram_bits_per_byte: float | None = None
    """Of a byte 5-gram model counted on the train split: a floor to beat."""
    distinct_2: float | None = None
    """Distinct word pairs in the predictions divided by all pairs, 0 to 1."""
    repeated: float | None = None
    """Fraction of the predictions that duplicate an earlier one, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A text the model made from a prompt; `text` includes the prompt."""

    prompt: str
    text: str
