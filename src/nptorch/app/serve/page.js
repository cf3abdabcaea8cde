import { WORDS } from "./words.js";

const at = (id) => document.getElementById(id);
const paper = at("paper"), pen = paper.getContext("2d");
const WIDTH = 18; // of a stroke on paper of 280 pixels, as a thick felt pen
let strokes = [], photo = null; // what is on the paper
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let shown = null; // the last answer

// ---------------------------------------------------------------- words
function speak() {
  const words = WORDS[language];
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[element.dataset.label]);
  at("language").textContent = words.other;
  show(shown);
}

// ---------------------------------------------------------------- paper
function paint() {
  pen.fillStyle = "white";
  pen.fillRect(0, 0, paper.width, paper.height);
  if (photo) {
    const scale = Math.min(paper.width / photo.width, paper.height / photo.height);
    const w = photo.width * scale, h = photo.height * scale;
    pen.drawImage(photo, (paper.width - w) / 2, (paper.height - h) / 2, w, h);
  }
  Object.assign(pen, { lineWidth: WIDTH, lineCap: "round", lineJoin: "round", strokeStyle: "black" });
  for (const stroke of strokes) {
    pen.beginPath();
    pen.moveTo(...stroke[0]);
    for (const point of stroke) pen.lineTo(...point);
    pen.stroke();
  }
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) * paper.width) / box.width, ((event.clientY - box.top) * paper.height) / box.height];
}

function changed() {
  paint();
  ask();
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  paper.setPointerCapture(event.pointerId);
  if (photo) [photo, strokes] = [null, []];
  strokes.push([place(event)]);
  changed();
});
paper.addEventListener("pointermove", (event) => {
  if (!paper.hasPointerCapture(event.pointerId)) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) strokes.at(-1).push(place(part));
  changed();
});

function undo() {
  if (photo) photo = null;
  else strokes.pop();
  changed();
}
function clear() {
  [strokes, photo] = [[], null];
  changed();
}
at("undo").addEventListener("click", undo);
at("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
  else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") clear();
  else return;
  event.preventDefault();
});

// ---------------------------------------------------------------- photos
async function take(file) {
  if (!file) return;
  strokes = [];
  try {
    photo = await createImageBitmap(file);
  } catch {
    photo = null; // the server says what is wrong with it
  }
  paint();
  ask(file);
}
at("file").addEventListener("change", (event) => take(event.target.files[0]));
document.querySelector(".button").addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === " ") at("file").click();
});
document.addEventListener("paste", (event) => take([...event.clipboardData.files][0]));
for (const kind of ["dragover", "dragleave", "drop"])
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    paper.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });

// ---------------------------------------------------------------- answers
let asking = false, next = null; // one request at a time; of those that wait only the newest is sent

async function ask(file) {
  if (!file && !photo && strokes.length === 0) {
    next = null;
    return show(null);
  }
  next = file ?? "paper";
  if (asking) return;
  asking = true;
  while (next) {
    const source = next;
    next = null;
    const body = source === "paper" ? await new Promise((done) => paper.toBlob(done, "image/png")) : source;
    try {
      const reply = await fetch("api/predict?features=1", { method: "POST", body, headers: { "Content-Type": body.type || "application/octet-stream" } });
      const answer = await reply.json();
      if (strokes.length || photo || source !== "paper") show(answer);
    } catch {
      show({ error: WORDS[language].offline });
    }
  }
  asking = false;
}

function show(answer) {
  shown = answer;
  const words = WORDS[language], found = answer && !answer.error;
  at("label").textContent = found ? (answer.label ?? "?") : "–";
  at("message").textContent = !answer ? words.empty : answer.error ?? answer.reason ?? words.sure(percent(answer.confidence));
  at("bars").replaceChildren(
    ...(found ? answer.classes : []).map((name, i) => {
      const row = document.createElement("li"), bar = document.createElement("meter"), number = document.createElement("span");
      const title = document.createElement("span");
      title.textContent = name;
      bar.value = answer.probabilities[i];
      bar.setAttribute("aria-label", name);
      number.textContent = percent(answer.probabilities[i]);
      row.classList.toggle("best", answer.label === name);
      row.append(title, bar, number);
      return row;
    }),
  );
  at("seen").hidden = !found || !answer.picture;
  if (found && answer.picture) at("seen").src = answer.picture;
  at("features").replaceChildren(
    ...((found && answer.features) || []).map((layer) => {
      const figure = document.createElement("figure"), image = document.createElement("img"), caption = document.createElement("figcaption");
      image.src = layer.picture;
      image.alt = caption.textContent = `${layer.name}: ${layer.shape.join(" × ")}`;
      figure.append(image, caption);
      return figure;
    }),
  );
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;

at("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  speak();
});
paint();
speak();
