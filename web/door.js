// At the door: the name, and the room code if there is one.

import { $ } from "./dom.js";
import { t } from "./words.js";

const NAME_CHARS = 32; // the hub's limits
const NAME_BYTES = 64;

// Friendly, short, and easy to say in either language.
const FIRST = {
  en: ["Amber", "Calm", "Copper", "Early", "Gentle", "Hazel", "Lucky",
    "Merry", "Quick", "Quiet", "Silver", "Sunny"],
  zh: ["安静的", "勤快的", "快乐的", "聪明的", "温和的", "勇敢的", "悠闲的",
    "机灵的"],
};
const SECOND = {
  en: ["Badger", "Finch", "Fox", "Heron", "Lark", "Lynx", "Otter", "Owl",
    "Robin", "Swift", "Tern", "Wren"],
  zh: ["小狐", "水獭", "云雀", "白鹭", "松鼠", "小鹿", "燕子", "熊猫"],
};

const any = (list) => list[Math.floor(Math.random() * list.length)];

function suggestion() {
  const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  return any(FIRST[lang]) + (lang === "en" ? " " : "") + any(SECOND[lang]);
}

const dialog = $("door");
const field = $("door-field");

/**
 * Ask one question until it is answered. `check` gets the answer and returns
 * what is wrong with it, or "". With `leave` it may be left unanswered, which
 * gives null.
 */
function ask({ kind, value, error, check, leave, choose }) {
  $("door-title").textContent = t(kind + "-title");
  $("door-why").textContent = t(kind + "-why");
  $("door-label").textContent = t(kind + "-label");
  const other = $("door-other");
  const back = $("door-back");
  const form = dialog.querySelector("form");
  const complain = (text) => {
    $("door-error").textContent = text;
    field.setAttribute("aria-invalid", String(Boolean(text)));
  };
  field.value = value;
  complain(error ?? "");
  other.hidden = !choose;
  back.hidden = !leave;
  return new Promise((done) => {
    const close = (answer) => {
      form.onsubmit = dialog.oncancel = dialog.onclose = null;
      dialog.onkeydown = null;
      dialog.close();
      done(answer);
    };
    form.onsubmit = async (e) => {
      e.preventDefault();
      const wrong = await check(field.value.trim());
      if (wrong) {
        complain(wrong);
        field.select();
      } else {
        close(field.value.trim());
      }
    };
    other.onclick = () => {
      field.value = choose();
      complain("");
      field.focus();
    };
    back.onclick = () => close(null);
    dialog.oncancel = (e) => {
      e.preventDefault();
      if (leave) {
        close(null);
      }
    };
    // A browser closes it at the second Escape whatever "cancel" says.
    dialog.onkeydown = (e) => {
      if (e.key === "Escape" && !e.isComposing) {
        dialog.oncancel(e);
      }
    };
    // What remains is the "back" of a phone.
    dialog.onclose = () => (leave ? close(null) : dialog.showModal());
    if (!dialog.open) {
      dialog.showModal();
    }
    field.focus();
    field.select();
  });
}

function wrongName(name) {
  if (!name) {
    return t("name-empty");
  }
  const bytes = new TextEncoder().encode(name).length;
  const long = [...name].length > NAME_CHARS || bytes > NAME_BYTES;
  return long ? t("name-bad") : "";
}

/** Ask for the name; null if it was left as it is. */
export function askName({ name, error, leave }) {
  return ask({ kind: "name", value: name || suggestion(), error, leave,
    check: wrongName, choose: suggestion });
}

/** Try a room code; "" if it is right, else what is wrong. */
async function enter(code) {
  try {
    const answer = await fetch("enter", { method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }) });
    return answer.ok ? ""
      : t({ 403: "code-wrong", 429: "code-slow" }[answer.status] ??
        "code-net");
  } catch {
    return t("code-net");
  }
}

/** Ask for the code until it is right; one behind the address goes first. */
export async function askCode() {
  const given = /^#code=(.+)$/.exec(window.location.hash)?.[1];
  let error = "";
  if (given) {
    history.replaceState(null, "", window.location.pathname);
    error = await enter(decodeURIComponent(given));
    if (!error) {
      return;
    }
  }
  await ask({ kind: "code", value: "", error, check: enter });
}
