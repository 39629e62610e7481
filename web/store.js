// What the browser keeps. Storage may be forbidden or full; then the page
// forgets sooner, and works all the same.

const late = { localStorage: new Map(), sessionStorage: new Map() };

function access(kind, key, value) {
  try {
    if (value !== undefined) {
      window[kind].setItem(key, value);
    }
    return window[kind].getItem(key);
  } catch {
    if (value !== undefined) {
      late[kind].set(key, value);
    }
    return late[kind].get(key) ?? null;
  }
}

/** Kept for good, for all windows; null if it is not there. */
export const recall = (key) => access("localStorage", "tenon." + key);
export const keep = (key, value) =>
  access("localStorage", "tenon." + key, value);

/** Kept as long as this window, through reloads. */
export const recallHere = (key) => access("sessionStorage", "tenon." + key);
export const keepHere = (key, value) =>
  access("sessionStorage", "tenon." + key, value);
