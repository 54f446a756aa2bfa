// The outbox: rows in IndexedDB and their sending, one context at a time. Pages import this, the service worker
// takes it through importScripts: so it exports nothing and leaves one object, `outbox`.

(() => {
  const WAITS = [5_000, 30_000, 120_000, 600_000];
  const ROOM = 30 * 2 ** 20; // bytes of photos
  const channel = new BroadcastChannel("outbox");
  let opening;

  const asked = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  async function connect() {
    const request = indexedDB.open("carteira", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("rows", { keyPath: "seq", autoIncrement: true }).createIndex("id", "id", { unique: true });
      request.result.createObjectStore("files");
      request.result.createObjectStore("facts");
    };
    const base = await asked(request);
    base.onversionchange = () => base.close();
    base.onclose = () => (opening = null); // the person cleared this site's storage: the next use opens it anew
    return base;
  }

  /** Run `work(store…)` in one transaction; what it answers counts only once everything is on the disk. */
  async function within(mode, names, work, again = true) {
    opening ??= connect();
    let transaction;
    try {
      transaction = (await opening).transaction(names, mode, { durability: "strict" });
    } catch (error) {
      opening = null;
      if (again && error.name === "InvalidStateError") return within(mode, names, work, false);
      throw error;
    }
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new DOMException("", "AbortError"));
    });
    const [result] = await Promise.all([work(...names.map((name) => transaction.objectStore(name))), done]);
    return result;
  }

  const tell = (news) => channel.postMessage(news);
  const rows = () => within("readonly", ["rows"], (store) => asked(store.getAll()));
  const find = (id) => within("readonly", ["rows"], (store) => asked(store.index("id").get(id)));
  const file = (id) => within("readonly", ["files"], (store) => asked(store.get(id)));
  const fact = (name) => within("readonly", ["facts"], (store) => asked(store.get(name)));
  const learn = (name, value) => within("readwrite", ["facts"], (store) => asked(store.put(value, name)));

  /** Keep a row; one of the same id that waits to be corrected is replaced in its place. */
  async function put(row, contents = []) {
    const kept = await within("readwrite", ["rows", "files"], async (store, files) => {
      const all = await asked(store.getAll());
      const old = all.find((one) => one.id === row.id);
      if (old && old.state !== "fix") return old;
      const size = (list) => list.reduce((sum, one) => sum + one.size, 0);
      const held = all.reduce((sum, one) => sum + (one === old ? 0 : size(one.files)), size(row.files));
      if (held > ROOM && row.files.length) throw new DOMException("", "QuotaExceededError");
      for (const gone of old?.files ?? []) files.delete(gone.id);
      row.files.forEach((one, position) => files.put(contents[position], one.id));
      const whole = { ...row, state: "waiting", tries: 0, stumbles: 0, error: "", errors: {} };
      if (old) whole.seq = old.seq;
      await asked(store.put(whole));
      return whole;
    });
    tell({ kept: row.id });
    return kept;
  }

  async function change(id, work) {
    await within("readwrite", ["rows", "files"], async (store, files) => {
      const row = await asked(store.index("id").get(id));
      if (row) await work(row, store, files);
    });
  }

  const remove = (row, store, files) => {
    row.files.forEach((one) => files.delete(one.id));
    store.delete(row.seq);
  };

  async function drop(id) {
    await change(id, remove);
    tell({ dropped: id });
  }

  async function csrf() {
    // A worker has no document; where there is Background Sync there is cookieStore.
    const cookies = globalThis.document?.cookie ?? (await cookieStore.getAll()).map(({ name, value }) => `${name}=${value}`).join("; ");
    return cookies.match(/(?:^|;\s*)(?:__Host-)?csrf=([^;]+)/)?.[1] ?? "";
  }

  async function post(row) {
    const body = new FormData();
    for (const [name, value] of row.fields) body.append(name, value);
    for (const one of row.files) {
      body.append(one.field, new Blob([await file(one.id)], { type: one.type }), one.name);
      body.append(`${one.field}_id`, one.id);
    }
    const headers = { Accept: "application/json", "Idempotency-Key": row.id, "X-Member": row.member, "X-CSRFToken": await csrf() };
    try {
      const answer = await fetch(row.url, { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout(60_000) });
      return [answer.type === "opaqueredirect" ? 401 : answer.status, await answer.json().catch(() => ({}))];
    } catch {
      return [0, {}];
    }
  }

  /** What an answer means for its row. Only the server's own word that it holds the row lets it go. */
  function verdict(status, said) {
    if (status < 300 && (said.state === "stored" || said.state === "already")) return "sent";
    if (status === 401) return "sign_in";
    if (said.state === "other_person") return "other";
    if (status === 403) return said.code === "csrf" ? "again" : "forbidden";
    if (status < 400 || status >= 500 || [408, 425, 429].includes(status)) return "again";
    return "fix";
  }

  /** Send the person's rows in order; answers how long to wait before the next round, 0 when nothing is left to try. */
  async function round(person) {
    let wait = 0;
    for (const { id } of await rows()) {
      const row = await find(id); // as it is by now
      if (row?.person !== person || row.state === "fix") continue;
      tell({ sending: id });
      const [status, said] = await post(row);
      const state = verdict(status, said);
      const tries = row.tries + 1;
      const stumbles = (row.stumbles ?? 0) + (status && 1);
      if (state === "sent") await change(id, remove);
      else
        await change(id, (now, store) =>
          store.put({ ...now, state: state === "again" ? "waiting" : state, tries, stumbles, status, error: said.message ?? said.detail ?? "", errors: said.errors ?? {}, form: said.form }),
        );
      tell({ [state]: id, said, reached: Boolean(status) });
      if (state === "again") wait ||= WAITS[Math.min(tries, WAITS.length) - 1];
      // Without connection or session the next would fare no better. A row the server itself, not the road, stumbles
      // over again and again lets those behind it pass.
      if (state === "sign_in" || (state === "again" && (!status || stumbles < 3))) break;
    }
    return wait;
  }

  const send = (person) => navigator.locks.request("outbox", () => round(person));

  globalThis.outbox = { put, drop, rows, find, file, fact, learn, send };
})();
