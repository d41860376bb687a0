"""What the story models are trained by: sizes, phases and stories of each language; tools.train.gpt trains them."""

from dataclasses import dataclass, replace

from aigc_course.gpt.training import TrainingConfig
from aigc_course.synthetic.stories import Story, tell_many

BATCH_SIZE = 8
STEPS_AT_ONCE = 100  # told and packed together
STORIES_A_STEP = 2 * BATCH_SIZE  # no row takes more than two


@dataclass(frozen=True)
class Phase:
    """One training after another: its settings, and which stories it tells."""

    training: TrainingConfig
    first_story: int  # the number of its first story; no other phase tells one of them
    language: str = "en"
    told_per_kept: int = 1  # stories told for each one that is kept, and ...
    chosen_steps: int = 0  # ... in how many steps only those are kept in which the time of day comes again
    faded: float = 0.0  # share of the phase after which every token counts 1, see fact_weights
    rare: float = 0.004  # a common token is a larger share of all; 0.003 leaves "afternoon" out
    sure: float = 0.0  # above 0: weights of sure_weights, in place of those of fact_weights
    beside: bool = False  # it begins where the phase before it began, with the same stories; the mean of both is kept
    set_apart: bool = False  # before it begins, tokens that look alike are moved, see set_apart

    def stories(self, block: int) -> list[Story]:
        """The stories of STEPS_AT_ONCE steps; no other block has one of them."""
        count = STEPS_AT_ONCE * STORIES_A_STEP
        num_told = self.told_per_kept * count
        told = tell_many(num_told, self.first_story + block * num_told, self.language)
        if block * STEPS_AT_ONCE < self.chosen_steps:
            told = [story for story in told if story.text.count(story.world.time) > 1]
        return told[:count]

    @property
    def num_blocks(self) -> int:
        """So many times STEPS_AT_ONCE steps, the last time perhaps fewer."""
        return -(-self.training.num_steps // STEPS_AT_ONCE)


@dataclass(frozen=True)
class Recipe:
    """All that the model of one language is made by."""

    language: str
    name: str  # of its folder in data/models
    title: str
    phases: tuple[Phase, ...]
    vocab_size: int
    context_length: int
    embedding_dim: int
    num_layers: int
    num_heads: int

    @property
    def num_steps(self) -> int:
        return sum(phase.training.num_steps for phase in self.phases)

    @property
    def num_stories(self) -> int:
        """Different ones: a phase beside another has the same as that one."""
        return STORIES_A_STEP * sum(phase.training.num_steps for phase in self.phases if not phase.beside)


LONG = TrainingConfig(
    num_steps=10_000,
    learning_rate=3e-3,
    last_learning_rate=3e-5,
    num_warmup_steps=200,
    hidden_learning_rate=4e-3,
    weight_decay=0.01,
)
MIDDLE = replace(LONG, num_steps=3000, learning_rate=2e-3, hidden_learning_rate=2.5e-3)
SHORT = replace(LONG, num_steps=1500, learning_rate=1.2e-3, hidden_learning_rate=1.5e-3)
SURE = replace(LONG, num_steps=2000, learning_rate=1.5e-3, last_learning_rate=1e-5, hidden_learning_rate=1.9e-3)
PLAIN = replace(LONG, num_steps=1200, learning_rate=1e-3, num_warmup_steps=50, hidden_learning_rate=1.25e-3)
ENGLISH = Recipe(
    "en",
    "story_gpt2",
    "A small GPT-2 that tells stories",
    (
        Phase(LONG, first_story=0, faded=0.88, rare=0.003),
        # after the first, months are alike, and times of day
        Phase(MIDDLE, first_story=10_000_000, told_per_kept=5, chosen_steps=1800, faded=0.76, set_apart=True),
        Phase(SHORT, first_story=20_000_000),
        # after the third, facts are kept; one token in 5,000 is one that cannot follow, less often in the mean of two
        Phase(SURE, first_story=30_000_000, sure=0.2),
        Phase(PLAIN, first_story=30_000_000, beside=True),
    ),
    vocab_size=1500,
    context_length=256,  # the longest story has about 230 tokens
    embedding_dim=256,
    num_layers=4,
    num_heads=8,
)
CHINESE = Recipe(
    "zh",
    "story_gpt2_zh",
    "A small GPT-2 that tells stories in Chinese",
    (Phase(replace(LONG, num_steps=12_000), first_story=0, language="zh", faded=0.85),),
    vocab_size=2000,  # 256 bytes, 710 characters and the bytes that begin them, words; see tools.train.story_tokens
    context_length=168,  # the longest story has about 160 tokens
    embedding_dim=128,
    num_layers=4,
    num_heads=4,
)
RECIPES = {recipe.language: recipe for recipe in (ENGLISH, CHINESE)}
