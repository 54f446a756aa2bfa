// The service worker of version {{ version }}: it keeps the shell, and the pages that say so, for when there is no signal.
importScripts("{{ queue }}");

const SHELL = "shell/{{ version }}";
const FILES = {{ files|safe }};
const PATIENCE = {{ patience_ms }};
const MOST = 60;
const FRESH = 3_600_000; // a page fetched within the hour is not fetched ahead again
const WEEK = 7 * 86_400_000;
const BUILT = /\/(offline|outbox)\/$/; // drawn on the device, and never pushed out by other pages
const HASHED = /\.[0-9a-f]{12}\.\w+$/;
const seenAt = (kept) => Number(kept.headers.get("X-Seen"));
const slugOf = (url) => url.pathname.match(/^\/o\/([-\w]+)\//)?.[1];
const pages = async () => (await caches.keys()).filter((name) => name.startsWith("pages/"));
const wipe = async (whose = () => true) => Promise.all((await pages()).filter(whose).map((name) => caches.delete(name)));

addEventListener("install", (event) => {
  // All or nothing: a version whose files did not all come is not one.
  const load = async () => {
    const shell = await caches.open(SHELL);
    await shell.addAll(FILES.map((file) => new Request(file, { cache: HASHED.test(file) ? "default" : "no-cache" })));
  };
  event.waitUntil(load());
});

addEventListener("activate", (event) => {
  // The files of an earlier version stay for as long as a kept page was drawn with them.
  const tidy = async () => {
    const needed = new Set([SHELL]);
    for (const name of await pages()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const kept = await cache.match(request, { ignoreVary: true });
        if (Date.now() - seenAt(kept) > WEEK) await cache.delete(request, { ignoreVary: true });
        else needed.add(`shell/${kept.headers.get("X-Shell")}`);
      }
    }
    for (const name of await caches.keys()) if (name.startsWith("shell/") && !needed.has(name)) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(tidy());
});

/** The page kept for that address, unless it is a week old or whoever it was kept for is no longer signed in. */
async function find(url) {
  const slug = slugOf(url);
  if (!slug || (await caches.has("locked"))) return undefined;
  for (const name of await pages()) {
    if (!name.endsWith(`/${slug}`)) continue;
    const cache = await caches.open(name);
    const kept = await cache.match(url.pathname + url.search, { ignoreVary: true });
    if (kept && Date.now() - seenAt(kept) < WEEK) return kept;
    if (kept) await cache.delete(url.pathname + url.search, { ignoreVary: true });
  }
  return undefined;
}

async function keep(url, answer, name) {
  const cache = await caches.open(name);
  const headers = new Headers(answer.headers);
  headers.set("X-Seen", Date.now());
  for (const gone of ["Content-Length", "Content-Encoding"]) headers.delete(gone);
  await cache.put(url.pathname + url.search, new Response(await answer.text(), { headers }));
  const kept = (await cache.keys()).filter((request) => !BUILT.test(request.url));
  if (kept.length <= MOST - 2) return;
  const ages = await Promise.all(kept.map(async (request) => [seenAt(await cache.match(request, { ignoreVary: true })), request]));
  ages.sort(([one], [other]) => other - one);
  for (const [, request] of ages.slice(MOST - 2)) await cache.delete(request, { ignoreVary: true });
}

/** What an answer says of who is signed in and of what may be kept; before anybody sees a page. Answers the keeping. */
async function settle(url, answer) {
  const who = answer.headers.get("X-Person");
  const slug = slugOf(url);
  if (!who || !slug) return async () => {};
  await wipe((name) => !name.startsWith(`pages/${who}/`));
  await caches.delete("locked");
  const name = `pages/${who}/${slug}`;
  const verdict = answer.headers.get("X-Offline");
  if (verdict === "wipe") await caches.delete(name);
  else if (answer.status === 404) await (await caches.open(name)).delete(url.pathname + url.search, { ignoreVary: true });
  if (verdict !== "keep" || !answer.ok || answer.redirected) return async () => {};
  const copy = answer.clone();
  return () => keep(url, copy, name);
}

/** The kept page, saying when it was seen; what is built on the device is never old. */
async function shown(kept, built) {
  const seen = built ? "" : seenAt(kept);
  return new Response((await kept.text()).replace("<html", `<html data-seen="${seen}"`), { headers: kept.headers });
}

async function page(event, url) {
  const waiting = registration.waiting;
  if (waiting && (await clients.matchAll()).length < 2) {
    // No other page is open: the new version takes over here, and this navigation is made again under it.
    waiting.postMessage("take over");
    return new Response("", { headers: { Refresh: "0" } });
  }
  const answering = fetch(event.request).then(async (answer) => {
    event.waitUntil((await settle(url, answer))().catch(() => {})); // a full disk must not cost the page
    return answer;
  });
  event.waitUntil(answering.catch(() => {}));
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const answer = await Promise.race([answering.catch(() => null), patience]);
  if (answer && answer.status < 502) return answer;
  const kept = await find(url);
  if (kept) return shown(kept, BUILT.test(url.pathname));
  try {
    return await answering;
  } catch {
    const list = await find(new URL(`/o/${slugOf(url)}/offline/`, url));
    return list ? shown(list, true) : ((await caches.match("/offline/", { cacheName: SHELL, ignoreVary: true })) ?? Response.error());
  }
}

async function file(request) {
  const own = await caches.match(request, { cacheName: SHELL, ignoreVary: true });
  // A name that carries its hash means the same file in every version.
  return own ?? (HASHED.test(new URL(request.url).pathname) ? await caches.match(request, { ignoreVary: true }) : undefined) ?? fetch(request);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "POST" && url.pathname === "/accounts/logout/") event.waitUntil(wipe());
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(event, url));
  else if (FILES.includes(url.pathname) || HASHED.test(url.pathname)) event.respondWith(file(request));
});

async function ahead(addresses) {
  try {
    for (const address of addresses.slice(0, MOST)) {
      const url = new URL(address, location.origin);
      const kept = await find(url);
      if (!kept || Date.now() - seenAt(kept) > FRESH) await (await settle(url, await fetch(url, { headers: { Accept: "text/html" } })))();
    }
  } finally {
    for (const client of await clients.matchAll()) client.postMessage("kept");
  }
}

addEventListener("message", (event) => {
  if (event.data === "take over") skipWaiting();
  else if (event.data.keep) event.waitUntil(ahead(event.data.keep).catch(() => {}));
});

addEventListener("sync", (event) => {
  const send = async () => {
    const who = await outbox.fact("who");
    if (who && (await outbox.send(who))) throw new Error("not all was sent");
  };
  if (event.tag === "outbox") event.waitUntil(send());
});
