// The page around the head: sliders by region, clips, idle life, rights. Texts of the file are only ever text.

import { createAvatar } from "./player.js";

const REGIONS = ["brow", "eye", "cheek", "nose", "jaw", "mouth", "tongue", "other"];
const VERDICTS = { yes: "may be used commercially", no: "must not be used commercially", unknown: "is in doubt" };
const find = (id) => document.getElementById(id);

function made(name, properties, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function slider(head, name) {
  const value = made("output", { value: "0.00" });
  const range = made("input", { type: "range", max: 1, step: 0.01, value: 0 });
  range.addEventListener("input", () => {
    value.value = Number(range.value).toFixed(2);
    head.setExpression(name, Number(range.value));
  });
  const row = made("label", { className: "row" }, [made("span", { textContent: name }), range, value]);
  row.dataset.name = name.toLowerCase();
  return row;
}

function showSliders(head) {
  const regionOf = (name) => REGIONS.find((region) => name.startsWith(region)) ?? "other";
  for (const region of REGIONS) {
    const rows = head.expressions.filter((name) => regionOf(name) === region).map((name) => slider(head, name));
    const summary = made("summary", { textContent: `${region} (${rows.length})` });
    if (rows.length) find("sliders").append(made("details", { open: true }, [summary, ...rows]));
  }
}

function search(text) {
  for (const group of find("sliders").children) {
    const rows = [...group.querySelectorAll(".row")];
    rows.forEach((row) => { row.hidden = !row.dataset.name.includes(text.toLowerCase()); });
    group.hidden = rows.every((row) => row.hidden);
  }
}

async function start() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const on = (id, name, act) => find(id).addEventListener(name, act);
  const head = await createAvatar(find("head"), "avatar.glb", { idle: !still });
  showSliders(head);
  find("clips").hidden = !head.clips.length;
  find("clip").append(...head.clips.map((name) => made("option", { value: name, textContent: name })));
  find("idle").checked = !still;
  on("clip", "change", ({ target }) => (target.value ? head.play(target.value) : head.stop()));
  on("idle", "change", ({ target }) => head.setIdle(target.checked));
  on("search", "input", ({ target }) => search(target.value));
  on("reset", "click", () => {
    head.setPose({});
    for (const input of document.querySelectorAll(".row input")) [input.value, input.nextSibling.value] = [0, "0.00"];
  });
  const { verdict, licences } = head.avatar.provenance;
  find("rights").textContent = `This head ${VERDICTS[verdict]}. Licences: ${licences.join(", ") || "none named"}.`;
  find("status").hidden = true;
}

start().catch((error) => { find("status").textContent = error.message; });
