"""The personal layer in C: the cases of `personal.json`, and cores that are broken on purpose."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeconv.integration.mcu import PLATFORM
from edgeconv.integration.personal_vectors import make_personal_document

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")

CORE = "src/edgeconv_personal.c"
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion")
SANITIZED = ("-Wdouble-promotion", "-g", "-fsanitize=address,undefined")

MUTATIONS = {
    "ridge": ("#define RIDGE 0.03", "#define RIDGE 0.3"),
    "strength": ("STRENGTH 2.0", "STRENGTH 1.0"),
    "floor": ("FLOOR 1e-6", "FLOOR 1e-2"),
    "the one of the Gram matrix": ("/ out->scale + 1.0;", "/ out->scale;"),
    "the one of the answer": ("alike / fitted->scale + 1.0;", "alike / fitted->scale;"),
    "a sum in place of the mean": ("squares / out->groups : 1.0", "squares : 1.0"),
    "zeros": ("squares > 0.0 ? squares / out->groups : 1.0", "squares / out->groups"),
    "two windows are judged as learned": ("if (n > 1) {", "if (n > 2) {"),
    "it need not help": ("> model / classes + EQUAL", "> model / classes - EQUAL"),
    "windows count, not activities": ("own += (double)right / n;", "own += right;"),
    "the class itself is forgotten": (
        "(k == label ? 1.0 : 0.0) - residual[k] / n",
        "residual[k] / n",
    ),
    "a sum in place of the prototype": ("prototype[j] /= n;", "(void)n;"),
    "NaN takes part": ("finite && finite_all(embedding, layer->embedding) &&", "finite &&"),
    "what was forgotten still counts": (
        "drop(layer, w);\n    }\n  }\n  layer->judged = false;",
        "drop(layer, w);\n    }\n  }",
    ),
    "what is new does not count": (
        "sizeof(float) * (size_t)layer->embedding);\n  layer->judged = false;",
        "sizeof(float) * (size_t)layer->embedding);",
    ),
    "no softmax": ("if (layer->logits) {", "if (false) {"),
    "always sure": (">= unsure_below", "> 0.0 * unsure_below"),
    "of any model": (
        " ||\n      strncmp(header->model_sha256, model_sha256, sizeof header->model_sha256) != 0",
        "",
    ),
    "a class may lose": ("loses = loses ||", "loses = loses &&"),
    "any change is made": ("if (before != after && ", "if (false && before != after && "),
    "half of the largest is close": ("#define CLOSE 0.9", "#define CLOSE 0.5"),
    "nothing is close": ("#define CLOSE 0.9", "#define CLOSE 1.0"),
    "one activity will do": ("layer->fit.groups < 2", "layer->fit.groups < 1"),
    "the last of equal ones": ("if (values[i] > values[best])", "if (values[i] >= values[best])"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the layer as a package has them."""
    import jinja2

    out = tmp_path_factory.mktemp("personal")
    for folder in ("src", "test"):
        (out / folder).mkdir()
    headers = ("src/edgeconv_personal.h", "src/edgeconv_alive.h", "test/check.h")
    for name in (CORE, *headers, "test/test_personal.c", "test/personal_vectors.h"):
        shutil.copy(PLATFORM.templates / name, out / name)
    (out / "src/edgeconv_contract.h").write_text("#define EDGECONV_CLASSES 3\n")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(PLATFORM.filters)
    text = (PLATFORM.templates / "test/personal_vectors.c.j2").read_text()
    vectors = environment.from_string(text).render(personal=make_personal_document())
    (out / "test/personal_vectors.c").write_text(vectors + "\n")
    return out


def answers(sources: Path, core: Path, *flags: str) -> str:
    """What the test program says of a core."""
    program = sources / f"{core.stem}.out"
    tests = ("test/test_personal.c", "test/personal_vectors.c")
    places = ("-DEDGECONV_PERSONAL_EMBEDDING=4", "-DEDGECONV_ALIVE=test_alive", "-Isrc", "-Itest")
    command = ["gcc", *flags, *places, str(core), *tests, "-lm", "-o", str(program)]
    built = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_the_core_answers_as_the_reference(sources: Path) -> None:
    assert "all checks passed" in answers(sources, sources / CORE, *FLAGS, *SANITIZED)


@pytest.mark.heavy
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_core_is_noticed(sources: Path, name: str) -> None:
    right, wrong = MUTATIONS[name]
    text = (sources / CORE).read_text()
    assert right in text
    broken = sources / f"{name.replace(' ', '_').replace(',', '')}.c"
    broken.write_text(text.replace(right, wrong, 1))
    assert "FAILED" in answers(sources, broken, "-std=c99", "-O0")
