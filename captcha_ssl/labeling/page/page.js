"use strict";
// The page shows the next image and sends back the typed label. It stores nothing: the next image
// appears only after the program has written the answer to disk.

const ENOUGH = 10;   // from this many labels on, the page reports characters that were never typed before
const FEW = 5;       // below this many guesses, the share of right ones is not shown
const RARE = 5;      // a character typed less often than this, and than a third of the mean, is rare
const DOUBT = 0.9;   // a character that the model is less sure of than this is marked
const MOST_LARGER = 6;

const $ = (id) => document.getElementById(id);
const text = $("text");
let now = null;      // the last answer of the program
let busy = false;

// ---- talking to the program -------------------------------------------------------------------

async function ask(path, body) {
  if (busy) return;
  busy = true;
  try {
    const options = body === undefined ? {} : {
      method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" },
    };
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      trouble("The program does not answer. All labels so far are in the table: start it again to continue here.");
      return;
    }
    const answer = await response.json().catch(() => ({ error: `the program said ${response.status}` }));
    if (!response.ok) {
      trouble(capital(answer.error));
      return;
    }
    trouble("");
    if (path === "finish") {
      stopped();
    } else {
      show(answer);
    }
  } finally {
    busy = false;
  }
}

const here = () => now && !now.finished && now.item ? now.item : null;

function accept() {
  if (here()) ask("answer", { index: here().index, label: text.value });
}

function acceptTheirs() {
  if (here() && here().guess) ask("answer", { index: here().index, label: here().guess.text });
}

function mark(what) {
  if (here()) ask(what, { index: here().index });
}

const undo = () => ask("undo", {});
const more = () => ask("more", { count: 50 });
const move = (item) => item && ask(`view?index=${item.index}`);
const previous = () => move(now && now.before[now.before.length - 1]);
const following = () => move(now && now.after[0]);

// ---- showing ----------------------------------------------------------------------------------

function show(view) {
  now = view;
  const item = here();
  $("work").hidden = !item;
  $("finished").hidden = Boolean(item);
  document.body.classList.toggle("review", view.review);
  showProgress(view);
  showModel(view);
  showCharacters(view);
  showStrip(view);
  $("undo").disabled = $("back").disabled = !view.can_undo;
  if (!item) {
    showEnd(view);
    return;
  }
  const image = $("image");
  image.onload = fitImage;
  image.src = `image/${item.index}`;
  image.title = item.name;
  document.title = `${view.progress.done} / ${view.progress.target} · Labels`;
  const guess = item.guess ? item.guess.text : "";
  text.value = item.label !== null ? item.label : item.fill !== null ? item.fill : guess;
  $("accept").textContent = view.review ? "Keep" : item.answered && item.label !== null ? "Keep" : "Accept";
  $("theirs").hidden = !(item.guess && item.label !== null && item.guess.text && item.guess.text !== item.label);
  text.focus({ preventScroll: true });
  place(item);
  typed();
}

// The cursor marks the character that the model is least sure of, so that typing replaces it.
function place(item) {
  const value = text.value;
  text.setSelectionRange(value.length, value.length);
  if (!item.guess || !value) return;
  let at = -1;
  if (value === item.guess.text) {
    const sure = item.guess.characters;
    at = sure.indexOf(Math.min(...sure));
  } else {
    // The first character that the model reads differently.
    at = align(value, item.guess.text).findIndex((pair) => pair.kind !== "same" && pair.mine !== undefined);
    if (at < 0) return;
    at = align(value, item.guess.text).filter((pair) => pair.mine !== undefined)
      .findIndex((pair) => pair.kind !== "same");
  }
  const starts = offsets(value);
  if (at >= 0 && at < starts.length - 1) text.setSelectionRange(starts[at], starts[at + 1]);
}

function fitImage() {
  const image = $("image");
  const stage = image.parentElement;
  const style = getComputedStyle(stage);
  const wide = stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const high = stage.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  const larger = Math.min(wide / image.naturalWidth, high / image.naturalHeight, MOST_LARGER);
  image.style.width = `${Math.max(1, Math.floor(image.naturalWidth * larger))}px`;
  image.style.height = `${Math.max(1, Math.floor(image.naturalHeight * larger))}px`;
}

// Marks while typing: characters that differ from the model's reading, and those it doubts.
function typed() {
  const item = here();
  if (!item) return;
  const value = text.value;
  const guess = item.guess;
  const mirror = $("mirror");
  mirror.replaceChildren();
  const pairs = guess ? align(value, guess.text) : [...value].map((mine) => ({ kind: "plain", mine }));
  for (const pair of pairs) {
    if (pair.mine === undefined) continue;
    const doubt = pair.kind === "same" && guess.characters[pair.at] < DOUBT;
    const kind = pair.kind === "same" ? (doubt ? "doubt" : "") : pair.kind === "plain" ? "" : "changed";
    mirror.append(span(pair.mine, kind));
  }
  text.style.setProperty("--size", size(value));
  mirror.style.setProperty("--size", size(value));
  mirror.scrollLeft = text.scrollLeft;
  const reading = $("reading");
  reading.replaceChildren();
  if (guess) {
    const sure = `${Math.round(guess.confidence * 100)}% sure`;
    if (!guess.text) {
      reading.append("The model reads nothing here");
    } else if (value === guess.text) {
      reading.append(`As the model reads it, ${sure}`);
    } else {
      const code = document.createElement("code");
      // A corrected reading is struck out; in a review it is still open which of the two is right.
      code.className = value === item.label ? "open" : "";
      for (const pair of pairs) {
        if (pair.theirs !== undefined) code.append(span(pair.theirs, pair.kind === "same" ? "" : "changed"));
      }
      reading.append("The model reads ", code, `, ${sure}`);
    }
  }
  $("hint").textContent = hint(value, item);
}

function hint(value, item) {
  if (!value.trim()) return "";
  if (item.unreadable) return "Marked unreadable";
  const counts = new Map(now.characters);
  const typedCount = now.progress.done;
  const fresh = [...new Set(value.trim())].filter((character) => !counts.get(character));
  const lengths = Object.entries(now.lengths).map(([length, count]) => [Number(length), count]);
  const total = lengths.reduce((sum, [, count]) => sum + count, 0);
  const usual = lengths.sort((a, b) => b[1] - a[1])[0];
  const length = [...value.trim()].length;
  if (total >= 10 && usual[1] / total > 0.9 && length !== usual[0] && !now.lengths[length]) {
    return `${length} characters, all others have ${usual[0]}`;
  }
  if (typedCount >= 10 && fresh.length) return `New: ${fresh.join(" ")}`;
  return "";
}

function size(value) {
  const room = text.clientWidth || 600;
  const wanted = room / (Math.max(4, [...value].length + 1) * 0.78);
  const most = window.matchMedia("(max-width: 640px)").matches ? 34 : 46;
  return `${Math.max(16, Math.min(most, Math.floor(wanted)))}px`;
}

function showProgress(view) {
  const { done, target, per_minute: pace, seconds_left: left, unreadable, damaged } = view.progress;
  $("bar").style.width = `${Math.min(100, (100 * done) / Math.max(1, target))}%`;
  $("meter").setAttribute("aria-valuemax", target);
  $("meter").setAttribute("aria-valuenow", done);
  $("done").textContent = done.toLocaleString("en");
  $("target").textContent = `of ${target.toLocaleString("en")} ${view.review ? "reviewed" : "labels"}`;
  const parts = [];
  if (pace !== null && done < target) parts.push(`${Math.round(pace)} a minute`, `${duration(left)} left`);
  if (unreadable) parts.push(`${unreadable} unreadable`);
  if (damaged) parts.push(`${damaged} damaged, left out`);
  $("pace").textContent = parts.join(" · ");
}

function showModel(view) {
  const model = $("model");
  model.replaceChildren();
  if (!view.model) return;
  const { name, right, judged, state, labels, step, steps, error, every, next } = view.model;
  if (name) {
    model.append("Model ", bold(name));
    if (judged >= FEW) model.append(`, right ${right} of the last ${judged}`);
  }
  const note = document.createElement("span");
  if (state === "learning") {
    note.className = "learning";
    note.textContent = `learning from ${labels} labels${step ? `, ${Math.round((100 * step) / steps)}%` : ""}`;
  } else if (state === "failed") {
    note.textContent = `learning failed: ${error}`;
  } else if (every) {
    note.textContent = `learns again at ${next}`;
  }
  if (note.textContent) model.append(name ? " · " : "", note);
  // At the end, say that stopping also stops the training.
  $("learning").hidden = state !== "learning";
}

function showCharacters(view) {
  const list = $("chips");
  list.replaceChildren();
  $("characters").hidden = !view.characters.length;
  let rare = 0;
  let never = 0;
  const typedOnes = view.characters.filter(([, count]) => count);
  const mean = typedOnes.reduce((sum, [, count]) => sum + count, 0) / Math.max(1, typedOnes.length);
  const early = Object.values(view.lengths).reduce((sum, count) => sum + count, 0) < ENOUGH;
  const few = early ? 0 : Math.min(RARE, mean / 3);
  for (const [character, count] of view.characters) {
    const chip = document.createElement("li");
    chip.className = count === 0 ? (early ? "" : "never") : count < few ? "rare" : "";
    never += count === 0 && !early;
    rare += count > 0 && count < few;
    const number = document.createElement("small");
    number.textContent = count;
    chip.append(character === " " ? "␣" : character, number);
    list.append(chip);
  }
  const said = [];
  if (never) said.push(`${never} read by the model and not typed yet`);
  if (rare) said.push(`${rare} rare`);
  $("legendOfCharacters").textContent = said.join(" · ");
}

function showStrip(view) {
  const strip = $("strip");
  strip.replaceChildren();
  const items = [...view.before, ...(here() ? [view.item] : []), ...(view.finished ? [] : view.after)];
  for (const item of items) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    const image = document.createElement("img");
    image.src = `image/${item.index}`;
    image.alt = "";
    const kept = item.label !== null && item.answered;
    button.className = item === view.item ? "here" : item.unreadable ? "aside" : kept ? "kept" : "";
    const said = item.unreadable ? "unreadable" : item.label !== null ? item.label : item.guess ? item.guess.text : "";
    button.append(image, span(said || " ", ""));
    button.title = item.name;
    button.setAttribute("aria-label", `${item.name}: ${said || "no label yet"}`);
    if (item === view.item) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => move(item));
    strip.append(button);
  }
  centerStrip();
}

function centerStrip() {
  const strip = $("strip");
  const current = strip.querySelector(".here");
  if (current) strip.scrollLeft = current.offsetLeft - strip.offsetLeft - (strip.clientWidth - current.clientWidth) / 2;
}

function showEnd(view) {
  const { done } = view.progress;
  document.title = "Labels";
  const count = `${done.toLocaleString("en")} labels`;
  $("summary").textContent = view.review ? `${count} reviewed` : count;
  const through = view.item ? "" : view.review ? "That was the last one. " : "No image is left without an answer. ";
  $("kept").textContent = `${through}All labels are in ${view.table}.`;
  showCommands(view.commands);
  $("more").hidden = view.review || !view.item;
  ($("more").hidden ? $("end") : $("more")).focus();
}

// What to do next: a purpose and the command for it.
function showCommands(commands) {
  const list = $("next");
  list.replaceChildren();
  for (const [what, command] of commands) {
    const title = document.createElement("dt");
    title.textContent = what;
    const line = document.createElement("dd");
    const code = document.createElement("code");
    code.textContent = command;
    line.append(code);
    list.append(title, line);
  }
}

function stopped() {
  now = null;
  for (const id of ["work", "finished", "strip", "characters", "legend", "model", "pace"]) $(id).hidden = true;
  trouble("");
  $("farewell").hidden = false;
}

function trouble(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = !message;
}

// ---- small functions -----------------------------------------------------------------------------

function span(content, kind) {
  const element = document.createElement("span");
  element.textContent = content;
  if (kind) element.className = kind;
  return element;
}

function bold(content) {
  const element = document.createElement("b");
  element.textContent = content;
  return element;
}

const capital = (sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds / 5) * 5} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// The start of each character of a text, and the end of the last, in the units of a selection.
function offsets(value) {
  const starts = [0];
  for (const character of value) starts.push(starts[starts.length - 1] + character.length);
  return starts;
}

// Pairs of characters along a shortest edit path between two texts.
function align(mine, theirs) {
  const a = [...mine];
  const b = [...theirs];
  const cost = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      cost[i][j] = Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] !== b[j - 1]));
    }
  }
  const pairs = [];
  let [i, j] = [a.length, b.length];
  while (i || j) {
    if (i && j && cost[i][j] === cost[i - 1][j - 1] + (a[i - 1] !== b[j - 1])) {
      i--; j--;
      pairs.push({ kind: a[i] === b[j] ? "same" : "other", mine: a[i], theirs: b[j], at: j });
    } else if (i && cost[i][j] === cost[i - 1][j] + 1) {
      pairs.push({ kind: "more", mine: a[--i] });
    } else {
      pairs.push({ kind: "less", theirs: b[--j], at: j });
    }
  }
  return pairs.reverse();
}

// Mark the character after (or before) the one that is marked.
function markCharacter(step) {
  const starts = offsets(text.value);
  const count = starts.length - 1;
  if (!count) return;
  const marked = text.selectionEnd > text.selectionStart;
  let at = starts.findIndex((start) => start >= text.selectionStart);
  at = marked ? at + step : step > 0 ? at : at - 1;
  at = (at + count) % count;
  text.setSelectionRange(starts[at], starts[at + 1]);
}

// ---- keys -------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  const inText = document.activeElement === text;
  const take = (action) => { event.preventDefault(); action(); };
  if (event.key === "F1") return take(toggleLegend);
  if (control && !event.shiftKey && !event.altKey && event.code === "KeyZ") {
    // Letters that were just typed are undone one by one, as in any field.
    return inText && here() && text.value !== shown() ? undefined : take(undo);
  }
  if (event.altKey && !control && event.code === "KeyS") return take(() => mark("skip"));
  if (event.altKey && !control && event.code === "KeyU") return take(() => mark("unreadable"));
  if (!here()) {
    if (event.key === "Escape" && now) return take(() => ask("finish", {}));
    return undefined;
  }
  if (control && event.key === "Enter") return take(acceptTheirs);
  if (control || event.altKey) return undefined;
  if (event.key === "Escape") {
    if (!$("legend").hidden) return take(toggleLegend);
    return take(() => (inText ? text.blur() : text.focus()));
  }
  if (event.key === "ArrowUp") return take(previous);
  if (event.key === "ArrowDown") return take(following);
  if (inText) {
    if (event.key === "Tab" && text.value) return take(() => markCharacter(event.shiftKey ? -1 : 1));
    return undefined;
  }
  if (event.key === "ArrowLeft") return take(previous);
  if (event.key === "ArrowRight") return take(following);
  if (event.target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) return undefined;
  if (event.key === "Enter") return take(accept);
  if (event.key === "s") return take(() => mark("skip"));
  if (event.key === "u") return take(() => mark("unreadable"));
  // Any other character goes into the text.
  if (event.key.length === 1) text.focus();
  return undefined;
});

function shown() {
  const item = here();
  return item.label !== null ? item.label : item.fill !== null ? item.fill : item.guess ? item.guess.text : "";
}

function toggleLegend() {
  const legend = $("legend");
  legend.hidden = !legend.hidden;
  $("help").setAttribute("aria-expanded", String(!legend.hidden));
}

const away = () => $("field").classList.toggle("away", document.activeElement !== text);

text.addEventListener("input", typed);
text.addEventListener("scroll", () => { $("mirror").scrollLeft = text.scrollLeft; });
text.addEventListener("focus", away);
text.addEventListener("blur", away);
$("form").addEventListener("submit", (event) => { event.preventDefault(); accept(); });
for (const [id, action] of [["skip", () => mark("skip")], ["unreadable", () => mark("unreadable")], ["undo", undo],
  ["back", undo], ["more", more], ["theirs", acceptTheirs], ["end", () => ask("finish", {})], ["help", toggleLegend]]) {
  $(id).addEventListener("click", action);
}
window.addEventListener("resize", () => { if (here()) { fitImage(); typed(); centerStrip(); } });

// While a model trains, show its progress; the image and the text do not change.
setInterval(async () => {
  if (busy || !now || !now.model || now.model.state !== "learning") return;
  try {
    const response = await fetch("model");
    if (response.ok && now) {
      now.model = await response.json();
      showModel(now);
    }
  } catch { /* the next answer will say so */ }
}, 2000);

ask("view");
