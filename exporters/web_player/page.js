// The page around the head: sliders by region, clips, idle life, and what the file says of its rights. Texts of the file are only ever text.

import { createAvatar } from "./player.js";

const REGIONS = ["brow", "eye", "cheek", "nose", "jaw", "mouth", "tongue"];
const VERDICTS = { yes: "may be used commercially", no: "may not be used commercially", unknown: "commercial use in doubt" };
const find = (id) => document.getElementById(id);

function made(name, properties = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function slider(head, name) {
  const value = made("output", { value: "0.00" }), range = made("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0 });
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
  for (const region of [...REGIONS, "other"]) {
    const names = head.expressions.filter((name) => regionOf(name) === region);
    if (!names.length) continue;
    const group = made("details", { open: true }, [made("summary", { textContent: `${region} (${names.length})` })]);
    group.append(...names.map((name) => slider(head, name)));
    find("sliders").append(group);
  }
}

function search(text) {
  for (const group of find("sliders").children) {
    const rows = [...group.querySelectorAll(".row")];
    rows.forEach((row) => { row.hidden = !row.dataset.name.includes(text.toLowerCase()); });
    group.hidden = rows.every((row) => row.hidden);
  }
}

function reset(head) {
  head.setPose({});
  for (const row of document.querySelectorAll(".row")) {
    [row.querySelector("input").value, row.querySelector("output").value] = [0, "0.00"];
  }
}

function showClips(head) {
  find("clips").hidden = !head.clips.length;
  find("clip").append(...head.clips.map((name, index) => made("option", { value: index, textContent: name })));
  find("clip").addEventListener("change", ({ target }) => (target.value ? head.play(head.clips[target.value]) : head.stop()));
}

async function start() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const head = await createAvatar(find("head"), "avatar.glb", { idle: !still });
  showSliders(head);
  showClips(head);
  find("idle").checked = !still;
  find("idle").addEventListener("change", ({ target }) => head.setIdle(target.checked));
  find("search").addEventListener("input", ({ target }) => search(target.value));
  find("reset").addEventListener("click", () => reset(head));
  const licences = [...new Set(head.provenance.ingredients.map((each) => each.licence))].join(", ") || "none named";
  find("rights").textContent = `This head ${VERDICTS[head.provenance.verdict]}. Licences: ${licences}.`;
  find("status").hidden = true;
}

start().catch((error) => { find("status").textContent = error.message; });
