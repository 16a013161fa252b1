// What the reader decided: kept in this browser as a draft until it is saved as review.json.

const KIND = "PerfusionDL review";
const ACCEPTED = "accepted";
const NEEDS_CORRECTION = "needs correction";

class Decisions {
  constructor(studies, known) {
    this.studies = new Map(studies.map((study) => [study.study, study]));
    this.place = `perfusiondl-review-${studies.map((study) => study.results).sort().join("").slice(0, 64)}`;
    this.kept = new Map(Object.entries(known.studies));
    this.unsaved = false;
    this.onchange = () => {};
    const draft = this.readDraft();
    if (draft) {
      draft.forEach((one, study) => this.kept.set(study, one));
      this.unsaved = true;
    }
  }

  readDraft() {
    try {
      const draft = localStorage.getItem(this.place);
      return draft && new Map(Object.entries(JSON.parse(draft)));
    } catch {
      return null;  // no storage in this browser, or a damaged draft
    }
  }

  // The decision about the results that are here; none where it was about others.
  of(study) {
    const one = this.kept.get(study);
    return one && (!one.results || one.results === this.studies.get(study)?.results) ? one : { decision: "", comment: one?.comment ?? "" };
  }

  isOutdated(study) {
    return Boolean(this.kept.get(study)?.decision) && !this.of(study).decision;
  }

  set(study, change) {
    this.kept.set(study, { ...this.of(study), ...change, results: this.studies.get(study).results });
    this.unsaved = true;
    try {
      localStorage.setItem(this.place, JSON.stringify(Object.fromEntries(this.kept)));
    } catch {
      // the file is what counts
    }
    this.onchange();
  }

  document() {
    const kept = [...this.kept].filter(([, one]) => one.decision || one.comment).sort(([a], [b]) => (a < b ? -1 : 1));
    return { kind: KIND, studies: Object.fromEntries(kept.map(([study, { decision, comment, results }]) => [study, { decision, comment: comment ?? "", results: results ?? "" }])) };
  }

  save() {
    const file = new Blob([`${JSON.stringify(this.document(), null, 1)}\n`], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(file), download: "review.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.unsaved = false;
    try {
      localStorage.removeItem(this.place);
    } catch {
      // there was none
    }
    this.onchange();
  }

  // Take what another file says; returns how many studies of it are here. Raises an Error where it is no review.
  load(text) {
    const found = JSON.parse(text);
    if (found.kind !== KIND || typeof found.studies !== "object") throw new Error("it is no review of a cohort");
    const entries = Object.entries(found.studies);
    for (const [study, one] of entries) {
      if (!["", ACCEPTED, NEEDS_CORRECTION].includes(one.decision)) throw new Error(`${study} has the decision ${one.decision}`);
      this.kept.set(study, { decision: one.decision, comment: String(one.comment ?? ""), results: String(one.results ?? "") });
    }
    this.onchange();
    return entries.filter(([study]) => this.studies.has(study)).length;
  }

  count(decision) {
    return [...this.studies.keys()].filter((study) => this.of(study).decision === decision).length;
  }
}
