"""A checkpoint's chat template, tried before it is trusted with every row.

The rule: a template is a program of a stranger. Transformers renders it in Jinja's sandbox, which
keeps it from files and from Python, and not from loops inside loops or texts of gigabytes. So one
turn is rendered first in a process of its own that may take `MOST_SECONDS` of processor time and
`MOST_BYTES` of memory; a real template takes thousandths of them.

    check_template("{% for message in messages %}{{ message.content }}{% endfor %}", "org/model")
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache

from t2t_xfer.errors import UserError

MOST_SECONDS = 3
MOST_BYTES = 2**30
_TRIAL = """
import json, resource, sys
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
seconds, size, template = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_AS, (size, size))
def raise_exception(message):
    raise SystemExit(0)  # of a turn that it does not like: its own affair
def strftime_now(form):
    return form
known = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
)
known.globals |= {"raise_exception": raise_exception, "strftime_now": strftime_now}
try:
    known.from_string(template).render(
        messages=[{"role": "user", "content": "text"}], add_generation_prompt=True
    )
except (MemoryError, RecursionError):
    sys.exit(9)
except Exception:
    sys.exit(0)  # what transformers makes of it, it says itself
"""


@lru_cache(maxsize=16)
def check_template(template: str, who: str) -> None:
    """Refuses a chat template that takes more than its share on one short turn.

    Args:
        who: the model, for the message.

    Raises:
        UserError: it takes too long or too much memory.
    """
    asked = json.dumps([MOST_SECONDS, MOST_BYTES, template])
    done = subprocess.run(
        [sys.executable, "-c", _TRIAL], input=asked, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(
            f"the chat template of {who!r} takes more than {MOST_SECONDS} s or"
            f" {MOST_BYTES // 2**20} MiB on one turn of one word, so it is no template for"
            " translating rows. Use another translator, or mend its chat_template.jinja."
        )
