"""The page that steps through both passes, in a browser: opened from its file, with no network."""

import os
import re
import shutil

import numpy as np
import pytest
from graphs import GRAPHS, HOSTILE, classes, content, leaf, network

from tinygrad_edu import autograd
from tinygrad_edu.graph import Graph
from tinygrad_edu.read.draw.explorer import explore

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    """Chromium, or a skip that says what is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with api.sync_playwright() as started:
        program = program or started.chromium.executable_path
        if not os.path.exists(program):
            pytest.skip("needs Chromium: playwright install chromium")
        running = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of a graph, offline; at the end, no error was said and nothing was asked for but the page."""
    said, asked, contexts = [], [], []

    def visit(J, hash="", width=1280, height=800, **options):
        path = explore(J, tmp_path / "page.html")
        options = {"reduced_motion": "reduce"} | options
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri() + hash)
        tab.data = content(path)
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert said == []
    assert {url.split("#")[0] for url in asked} <= {(tmp_path / "page.html").as_uri()}


def step_of(tab):
    return int(tab.get_attribute("body", "data-step"))


def test_the_keyboard_leads_to_the_end(visit):
    tab = visit(network())
    last = len(tab.data["steps"])
    assert step_of(tab) == 1
    for step in range(2, last + 1):
        tab.keyboard.press("ArrowRight")
        assert step_of(tab) == step
        assert tab.inner_text("#live").startswith(f"Step {step} of {last}, ")
    tab.keyboard.press("ArrowRight")
    assert step_of(tab) == last
    tab.keyboard.press("ArrowLeft")
    assert step_of(tab) == last - 1
    tab.keyboard.press("Home")
    assert step_of(tab) == 1
    tab.keyboard.press("End")
    assert step_of(tab) == last
    assert tab.is_disabled("#next")


def test_ten_steps_show_the_numbers_of_autograd(visit):
    """What is written in the cells, against the gradients that autograd finds."""
    J = network()
    nodes = {node.name: node.value for node in Graph(J).nodes}
    tab = visit(J)
    checked = 0
    for number, step in enumerate(tab.data["steps"], start=1):
        name = tab.data["nodes"][step["node"]]["name"]
        if step["kind"] not in ("link", "meet") or name not in nodes or " through " in step["formula"]:
            continue
        tab.goto(tab.url.split("#")[0] + f"#step={number}")
        texts = tab.locator("#terms .result .grid span").all_inner_texts()
        shown = np.array([float(text.replace("−", "-")) for text in texts])
        expected = autograd.grad(J, nodes[name]).numpy().ravel()
        np.testing.assert_allclose(shown, expected, rtol=6e-3, atol=1e-12)
        checked += 1
    for number, name in ((1, "Z1"), (2, "A1"), (3, "Z2"), (4, "A2")):
        tab.goto(tab.url.split("#")[0] + f"#step={number}")
        texts = tab.locator("#terms .result .grid span").all_inner_texts()
        shown = np.array([float(text.replace("−", "-")) for text in texts])
        np.testing.assert_allclose(shown, nodes[name].numpy().ravel(), rtol=6e-3)
        checked += 1
    assert checked >= 10


def entry(tab):
    """The line with the numbers put in, as plain arithmetic: what is between its signs of equality."""
    for power in tab.locator("#entry msup > :last-child").all():
        power.evaluate("e => e.prepend('**')")
    text = re.sub(r"\s", "", "".join(tab.locator("#entry math").all_text_contents()))
    for sign, written in {"·": "*", "−": "-"}.items():
        text = text.replace(sign, written)
    return text.split("=")


@pytest.mark.parametrize("make", [network, classes], ids=["network", "classes"])
def test_the_line_with_the_numbers_put_in_adds_up(visit, make):
    tab = visit(make())
    checked = 0
    for number, step in enumerate(tab.data["steps"], start=1):
        if step["kind"] in ("link", "meet") and "entry" in step:
            tab.goto(tab.url.split("#")[0] + f"#step={number}")
            *sides, result = entry(tab)
            for side in sides:
                if "…" not in side:
                    assert eval(side) == pytest.approx(float(result), rel=2e-3, abs=1e-6), (side, result)
                    checked += 1
    assert checked >= 6


def test_pointing_at_a_cell_works_it_out(visit):
    tab = visit(network(), "#step=1")
    tab.hover("#terms .result .grid span:nth-child(6)")
    assert "entry [1, 1]" in tab.inner_text("#entry")
    assert tab.locator("#terms .hot").count() == 3 + 3 + 1 + 1
    tab.focus("#terms .result .grid")
    tab.keyboard.press("ArrowRight")
    assert step_of(tab) == 1  # the arrows belong to the heat-map that has the focus
    assert tab.inner_text("#live").startswith("entry [0, 1]: ")


def test_a_tap_shows_the_number(visit):
    tab = visit(network((12, 12, 1)), "#step=1", 390, 844, has_touch=True)
    tab.locator("#terms .term:nth-child(1) .grid span:nth-child(3)").tap()
    assert tab.inner_text("#entry").startswith("entry [0, 2]")


def test_a_link_leads_to_a_step(visit):
    tab = visit(network(), "#step=12")
    assert step_of(tab) == 12
    tab.keyboard.press("ArrowRight")
    assert tab.url.endswith("#step=13")
    assert tab.get_attribute("#count", "href") == "#step=13"
    for wrong in ("#step=0", "#step=", "#step=x", "#<img src=x onerror=alert(1)>"):
        tab.goto(tab.url.split("#")[0] + wrong)
        assert step_of(tab) == 1
    tab.goto(tab.url.split("#")[0] + "#step=9999")
    assert step_of(tab) == len(tab.data["steps"])


def test_guess_first_hides_the_next_gradient(visit):
    tab = visit(network(), "#step=13")
    tab.click("#guess")
    assert tab.get_attribute("#guess", "aria-pressed") == "true"
    tab.keyboard.press("ArrowRight")
    assert step_of(tab) == 14
    assert tab.locator("#terms .result .grid").count() == 0
    assert tab.is_hidden("#entry")
    assert "hidden" in tab.inner_text("#live")
    tab.click("#reveal")
    assert tab.locator("#terms .result .grid").count() == 1
    tab.keyboard.press("ArrowRight")
    tab.evaluate("document.activeElement.blur()")
    assert tab.is_visible("#reveal")
    tab.keyboard.press("Enter")
    assert (step_of(tab), tab.is_visible("#reveal")) == (15, False)
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")  # shows
    tab.keyboard.press("ArrowRight")  # goes on
    assert step_of(tab) == 17
    tab.click("#guess")
    assert tab.locator("#terms .result .grid").count() == 1


def test_the_remark_is_hidden_while_guessing(visit):
    tab = visit(network())
    number = next(k for k, step in enumerate(tab.data["steps"], start=1) if "note" in step)
    tab.goto(tab.url.split("#")[0] + f"#step={number}")
    assert "cancels: what remains is" in tab.inner_text("#note")
    tab.click("#guess")
    assert tab.is_hidden("#note")


def test_play_pause_and_scrub(visit):
    tab = visit(network())
    tab.clock.install(time=0)
    tab.reload()
    tab.clock.pause_at(1000)  # else the time that the test itself takes counts, too
    tab.keyboard.press("Space")
    assert tab.inner_text("#play") == "Pause"
    tab.clock.run_for(4500)
    assert step_of(tab) == 3
    tab.click("#play")
    tab.clock.run_for(4500)
    assert step_of(tab) == 3
    tab.fill("#scrub", "20")
    assert step_of(tab) == 20
    assert tab.get_attribute("#scrub", "aria-valuetext") == f"20 of {len(tab.data['steps'])}, backward"
    tab.focus("#scrub")
    tab.keyboard.press("ArrowRight")
    assert step_of(tab) == 21
    tab.keyboard.press("End")
    tab.click("#play")  # from the end it starts again
    assert step_of(tab) == 1


def test_the_current_node_and_link_are_lit(visit):
    tab = visit(network(), "#step=1")
    assert tab.locator(".link.forward").count() == 3
    assert tab.locator(".node.forward .name").all_inner_texts() == ["Z1"] or tab.locator(".node.forward").count() == 1
    number = next(k for k, step in enumerate(tab.data["steps"], start=1) if step["kind"] == "link")
    tab.goto(tab.url.split("#")[0] + f"#step={number}")
    assert (tab.locator(".link.backward").count(), tab.locator(".node.backward").count()) == (1, 1)


def view(tab):
    return [float(x) for x in tab.get_attribute("#drawing", "viewBox").split()]


def test_the_buttons_cover_nothing(visit):
    tab = visit(network())
    for width in (1280, 800, 390):
        tab.set_viewport_size({"width": width, "height": 800})
        picture, buttons = tab.locator("#drawing").bounding_box(), tab.locator(".zoom").bounding_box()
        assert picture["y"] + picture["height"] <= buttons["y"]


def test_zoom_and_pan(visit):
    tab = visit(network())
    w = view(tab)[2]
    tab.click("#closer")
    assert view(tab)[2] < w
    tab.click("#farther")
    tab.click("#farther")
    assert view(tab)[2] > w
    tab.click("#whole")
    before = view(tab)
    tab.mouse.move(60, 300)
    tab.mouse.down()
    tab.mouse.move(160, 350)
    tab.mouse.up()
    assert view(tab)[0] < before[0]
    tab.mouse.wheel(0, -300)
    tab.wait_for_function(f"document.getElementById('drawing').viewBox.baseVal.width < {before[2]}")


TOO_WIDE = """() => {
  const found = [];
  for (const next = document.getElementById("next"); ; next.click()) {
    for (const panel of ["html", "#working", "footer", "header"]) {
      const e = document.querySelector(panel);
      if (e.scrollWidth > e.clientWidth) found.push([document.body.dataset.step, panel]);
    }
    if (next.disabled) return found;
  }
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (1280, 800)])
def test_any_width_and_scheme(visit, width, height, scheme):
    tab = visit(network((30, 16, 16, 1), 32), "", width, height, color_scheme=scheme)
    assert tab.evaluate("innerWidth") == width
    assert tab.evaluate(TOO_WIDE) == []
    assert step_of(tab) == len(tab.data["steps"])
    paper = [int(x) for x in re.findall(r"\d+", tab.evaluate("getComputedStyle(document.body).backgroundColor"))]
    assert (max(paper) < 60) == (scheme == "dark")


def test_on_paper_all_of_the_working_stands_and_no_control(visit):
    tab = visit(network((30, 16, 16, 1), 32), "#step=20", 700, 600)
    assert tab.evaluate("(e => e.scrollHeight - e.clientHeight)(document.querySelector('#working'))") > 0
    tab.emulate_media(media="print", reduced_motion="reduce")
    assert tab.evaluate("(e => e.scrollHeight - e.clientHeight)(document.querySelector('#working'))") == 0
    assert tab.is_hidden("footer") and tab.is_hidden(".zoom")
    assert tab.evaluate("getComputedStyle(document.querySelector('.grid span')).printColorAdjust") == "exact"


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const linear = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = c.map((x) => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c.slice(0, 3); } return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll("h1, p, span, button:enabled, a, figcaption, strong, math, li")) {
    if (!e.checkVisibility() || !e.textContent.trim() || e.closest(".unseen")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind(e))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), e.className || e.id || e.tagName, e.textContent.slice(0, 20)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(visit, scheme):
    """WCAG 2, level AA: 4.5 to 1."""
    tab = visit(network(), color_scheme=scheme)
    for step in (1, 14, 24):
        tab.goto(tab.url.split("#")[0] + f"#step={step}")
        assert step_of(tab) == step
        found = tab.evaluate(CONTRAST)
        assert len(found) > 20
        assert [text for text in found if text[0] < 4.5] == []


def test_every_control_has_a_name(visit):
    tab = visit(network())
    for control in tab.locator("button, input, a").all():
        assert control.get_attribute("aria-label") or control.inner_text().strip() or control.is_hidden()
    assert tab.get_attribute("#live", "aria-live") == "polite"
    for grid in tab.locator(".grid").all():
        assert re.search(r"\d × \d|from", grid.get_attribute("aria-label"))


def test_the_focus_is_seen(visit):
    tab = visit(network())
    tab.keyboard.press("Tab")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("wanted", ["no-preference", "reduce"])
def test_motion_only_where_it_is_wanted(visit, wanted):
    tab = visit(network((30, 16, 16, 1), 32), "", 390, 844, reduced_motion=wanted)
    tab.clock.install(time=0)  # before the page starts: its frames wait for this clock
    tab.reload()
    tab.clock.run_for(50)
    tab.clock.pause_at(1000)
    start = view(tab)
    tab.keyboard.press("End")
    at_once = view(tab)
    tab.clock.run_for(150)
    halfway = view(tab)
    tab.clock.run_for(300)
    end = view(tab)
    assert end[1] > start[1]
    if wanted == "reduce":
        assert at_once == halfway == end
    else:
        assert start[1] <= at_once[1] < halfway[1] < end[1]


def test_hostile_names_stay_text(visit):
    x = leaf(np.ones((2, 3)), HOSTILE)
    J = np.sum(x * x) * leaf(2.0, "x" * 10_000) + np.sum(leaf(np.ones((0, 3)), "\\' \"") ** 2.0)
    J.name = "<b>J</b>"
    tab = visit(J)
    for _ in tab.data["steps"]:
        assert tab.locator("img, b").count() == 0
        assert tab.locator("script").count() == 2
        tab.keyboard.press("ArrowRight")
    assert tab.title() == "<b>J</b>, step by step"


def test_nan_and_infinity_are_marked(visit):
    x = leaf([1.0, 0.0, -2.0], "x")
    with np.errstate(all="ignore"):
        J = np.sum(np.log(x) * x * x)
    tab = visit(J)
    assert tab.locator(".bad").count() > 0
    assert "2 NaN or infinite" in tab.inner_text("#terms")
    assert "−∞" in tab.inner_text("#terms")
    for _ in tab.data["steps"]:
        tab.keyboard.press("ArrowRight")


FIGURES = """() => {
  const found = [];
  for (const next = document.getElementById("next"); ; next.click()) {
    found.push([Number(document.body.dataset.step), document.querySelectorAll("#terms figure").length]);
    if (next.disabled) return found;
  }
}"""


@pytest.mark.parametrize("name", list(GRAPHS)[3:])
def test_every_step_of_any_graph_is_shown(visit, name):
    tab = visit(GRAPHS[name]())
    steps, figures = zip(*tab.evaluate(FIGURES), strict=True)
    assert list(steps) == list(range(1, len(tab.data["steps"]) + 1))
    assert min(figures) >= 1
