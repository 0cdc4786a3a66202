"""The words by which people say what they mean: patterns over what `words` makes of names, comments and conditions.

Read by `intent.py` for code, by `torch/inspection.py` for names in a live model. A new spelling is a word in a table.
"""

from __future__ import annotations

import re

TIE = re.compile(
    r"(?<![a-z])(?:tie|tied|ties|tying|share|shared|shares|sharing)(?![a-z])(?![ _-]*(?:memory|break|mem\b))"
    r"|绑定|共享|共用|共有"
)
PRIVATE = re.compile(r"(?<![a-z])(?:private|specific|individual|unique|unshared)(?![a-z])")
"""In the name of one side: what the other shares, with whomever, it does not share with this one."""
SHARED_ELSEWHERE = re.compile(
    r"(?<![a-z])(?:share|shared|sharing)_(?:model|net|network|agent|policy|state|params|parameters)(?![a-z])"
)
UNTIE = re.compile(
    r"(?<![a-z])(?:untie|untied|unties|untying|unshare|unshared|separate|separately|decouple|decoupled|independent)"
    r"(?![a-z])"
    r"|(?:not|n't|never|no|without|non|break|breaks|un)[ _-](?:be[ _-])?(?:tie|tied|tying|share|shared|sharing)"
    r"(?![a-z])"
)
SCRIPTING = re.compile(r"(?<![a-z])(?:torchscript|jit|onnx|tracing|scripting)(?![a-z])")
INITIALISE = re.compile(
    r"(?<![a-z])(?:init|inits|initial|initially|initiali[sz]e[ds]?|initiali[sz]ing|initiali[sz]ation|warm|warmstart|start|"
    r"starts|pretrained|pre[ -]?train|seed|bootstrap|copy|copies|copied|clone|cloned|load|loads|loaded)(?![a-z])"
    r"|初始化|复制|拷贝|加载"
)
COPY = re.compile(r"(?<![a-z])(?:copy|deepcopy|clone)(?![a-z])")
CONDITION_TO_INITIALISE = re.compile(
    r"(?<![a-z])(?:init|initial|initiali[sz]e|initiali[sz]ed|initiali[sz]ation|start|started|warm|copy|clone)(?![a-z])"
)
STARTS_WITH = re.compile(
    r"(?<![a-z])(?:init|initial|initiali[sz]e|initiali[sz]ed|initiali[sz]ation|start|started|warm)(?![a-z])"
)
"""In the condition of a tie: the two only begin as one."""
_SYNCHRONISE = re.compile(
    r"(?<![a-z])(?:target|targets|tgt_net|ema|momentum|teacher|shadow|old|slow|averaged|average|avg|polyak|swa|mean_teacher|"
    r"frozen|static|prev|previous|backup|snapshot|cached|cache|best|reference|ref|orig|original|key_encoder|proximal|anchor)"
    r"(?![a-z])|_k(?![a-z])|_bar(?![a-z])"
)
_SEQUENCE_TARGET = re.compile(
    r"(?<![a-z])(?:target|tgt)[ _.]*(?:emb|embed|embedding|embeddings|embedder|word|vocab|token|tokens|lang|language|"
    r"decoder|lookup)"
)
GENERIC_ARGUMENT = re.compile(r"^target\.(?=[^.]*$)")
SURGERY = re.compile(
    r"(?<![a-z])(?:convert|converts|conversion|fuse|fused|merge|unmerge|prune|pruned|quantize|quantise|quant|dequantize|export|"
    r"resize|resized|expand|grow|widen|deepen|extend|load|loads|import|from|deploy|reparameterize|reparam|switch|replace|swap|"
    r"inflate|surgery|transplant|transfer|untie|copy|clone|update|sync|synchronize|synchronise|soft|hard|patch|lora|adapter|"
    r"absorb|fold|shard|gather|slice|split|reset|restore|migrate|port|wrap|unwrap|test|check|assert|compare|build_from|distill)(?![a-z])"
)
TEST = re.compile(r"(?<![a-z])(?:test|tests|testcase)(?![a-z])")
TIE_METHOD = re.compile(r"(?<![a-z])(?:tie|tied|tying|share|shared|sharing|bind)(?![a-z])")
_CODES = re.compile(r"\bTIE\d+\b|#\s*noqa\b[^#]*", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(text: str) -> str:
    """Lower-case text with the words of identifiers set apart, so that a word can be looked for between non-letters."""
    return _CAMEL.sub("_", _CODES.sub(" ", text)).lower()


def follows_on_purpose(text: str) -> bool:
    """Whether a name (in lower-case words) says that its bearer follows another: a target, an average, a teacher."""
    return bool(_SYNCHRONISE.search(text)) and not _SEQUENCE_TARGET.search(text)
