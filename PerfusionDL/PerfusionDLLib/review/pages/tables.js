// The table of segments, the findings, and what was assumed, as rows that lead to their place in the images.

function fillTable(study, table, onpick) {
  const conditions = study.scans.map((scan) => scan.condition);
  const both = conditions.length > 1;
  const top = make("tr", {}, make("th", { colspan: 3 }), ...conditions.map((name) => make("th", { colspan: 3, scope: "colgroup", text: `${capitalized(name)} MBF (${study.unit})` })), both && make("th", { scope: "col", text: "MPR" }) || null, make("th"));
  const heads = ["AHA", "Segment", "Artery", ...conditions.flatMap(() => ["MBF [95 %]", "endo/epi [95 %]", "failed %"]), ...(both ? ["[95 %]"] : []), "flags"];
  table.tHead.replaceChildren(top, make("tr", {}, ...heads.map((text) => make("th", { scope: "col", text }))));
  table.tBodies[0].replaceChildren(...study.rows.map((row) => tableRow(row, conditions, both, onpick)));
}

function tableRow(row, conditions, both, onpick) {
  const flows = conditions.flatMap((name) => {
    const flow = row.flows[name];
    return [`${flow.text} ${flow.interval}`, flow.ratio, flow.failed];
  });
  const cells = [row.segment ?? "", row.name, row.segment ? row.territory : "", ...flows, ...(both ? [`${row.mpr.text} ${row.mpr.interval}`] : []), row.flags || ""];
  const attributes = row.segment
    ? { tabindex: 0, "data-segment": row.segment, onclick: () => onpick(row.segment), onkeydown: (event) => { if (event.key === "Enter") { onpick(row.segment); event.stopPropagation(); } } }
    : { class: "whole" };
  return make("tr", attributes, ...cells.map((text) => make("td", { text })));
}

const SEVERITIES = { unreliable: "do not rely on it", check: "check", note: "note" };

function fillFindings(study, list, onpick) {
  if (!study.findings.length) {
    list.replaceChildren(make("li", { text: "Nothing was flagged." }));
    return;
  }
  list.replaceChildren(...study.findings.map((finding, number) => make("li", { class: finding.severity }, make("button", { type: "button", class: "finding", "data-finding": number, onclick: () => onpick(number) },
    make("span", { class: "severity", text: SEVERITIES[finding.severity] }),
    make("strong", { text: capitalized(finding.place) || "Study" }),
    make("span", { text: capitalized(finding.text) })))));
}

function fillMade(study, table) {
  const parts = { peak_frame: "Peak frame", box: "Box", labels: "Contours", rv_insertion_points: "Insertion points" };
  table.tHead.replaceChildren(make("tr", {}, ...["Slice", "LV peak", "Frames fitted", ...Object.values(parts)].map((text) => make("th", { scope: "col", text }))));
  table.tBodies[0].replaceChildren(...study.scans.flatMap((scan) => scan.slices.map((slice) => make("tr", {},
    ...[`${capitalized(scan.condition)}, ${slice.level}`, slice.peak_frame + 1, `${slice.used.filter(Boolean).length}/${slice.used.length}`, ...Object.keys(parts).map((part) => madeBy(slice.made[part]))].map((text) => make("td", { text }))))));
}

function madeBy(made) {
  if (!made) return "–";
  return made.origin === "automatic" && made.confidence !== null ? `${made.origin} ${Math.round(100 * made.confidence)} %` : made.origin;
}

const fillSentences = (list, sentences) => list.replaceChildren(...sentences.map((text) => make("li", { text })));
