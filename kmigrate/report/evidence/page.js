"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("tr[data-unit]")];
  const details = new Map([...document.querySelectorAll("details[data-unit]")].map((one) => [one.dataset.unit, one]));
  const boxes = [...document.querySelectorAll("input[name=verdict]")];
  const form = byId("filters"), text = byId("text"), engine = byId("engine");

  // The verdict that the filters mean: that of the unit, or that of one engine.
  const verdictOf = (row) => row.dataset.verdicts.split(" ")[engine.value === "" ? 0 : Number(engine.value) + 1];

  const apply = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = new Map();
    let shown = 0;
    for (const row of rows) {
      const verdict = verdictOf(row);
      const found = words.every((word) => row.dataset.words.includes(word));
      if (found) counts.set(verdict, (counts.get(verdict) || 0) + 1);
      const visible = found && (wanted.has(verdict) || (verdict === "none" && wanted.size === boxes.length));
      row.hidden = !visible;
      details.get(row.dataset.unit).hidden = !visible;
      shown += visible;
    }
    for (const count of document.querySelectorAll(".count")) count.textContent = counts.get(count.dataset.verdict) || 0;
    byId("shown").textContent = `${shown} of ${rows.length} units shown`;
    byId("nothing").hidden = shown > 0 || rows.length === 0;
  };

  const show = () => {
    // The anchor of a unit opens it, whatever the filters hide.
    const unit = details.get(location.hash.slice(1));
    if (!unit) return;
    if (unit.hidden) {
      form.reset();
      apply();
    }
    unit.open = true;
    unit.scrollIntoView();
    unit.querySelector("summary").focus();
  };

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("show-all").addEventListener("click", () => { form.reset(); apply(); });
  const fold = (open) => () => { for (const unit of details.values()) if (!unit.hidden) unit.open = open; };
  byId("unfold").addEventListener("click", fold(true));
  byId("fold").addEventListener("click", fold(false));
  addEventListener("hashchange", show);

  form.hidden = false;
  byId("folding").hidden = false;
  apply();
  show();
})();
