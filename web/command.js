// What begins with "/" is no talk but asks for something.

/** The end of a name at the front of a text, of those that are known; a name
    may have blanks in it, so the longest that fits is meant. */
function nameEnd(text, names) {
  const low = text.toLowerCase();
  const fits = names.filter((n) => low === n.toLowerCase() ||
    low.startsWith(n.toLowerCase() + " "));
  const longest = Math.max(0, ...fits.map((n) => n.length));
  const blank = text.indexOf(" ");
  return longest || (blank < 0 ? text.length : blank);
}

/**
 * What is asked for: {say: {text, how, to}}, {nick: name}, or {wrong: key} with
 * the key of a sentence that says what is not right, and {word} for it.
 */
export function understand(text, names) {
  if (!text.startsWith("/")) {
    return { say: { text } };
  }
  if (text.startsWith("//")) {
    return { say: { text: text.slice(1) } };
  }
  const [, word, rest] = /^(\S*)\s*(.*)$/.exec(text);
  if (word === "/me") {
    return rest ? { say: { text: rest, how: "act" } } : { wrong: "say-me" };
  }
  if (word === "/nick") {
    return { nick: rest };
  }
  if (word === "/msg") {
    const end = nameEnd(rest, names);
    const what = rest.slice(end).trim();
    return what ? { say: { text: what, to: rest.slice(0, end) } }
      : { wrong: "say-msg" };
  }
  return { wrong: "no-command", word };
}
