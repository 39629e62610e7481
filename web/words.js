// Every word that the page says, in English and Chinese.

import { keep, recall } from "./store.js";

const WORDS = {
  en: {
    skip: "Skip to the message field",
    views: "Parts of the room",
    talk: "Talk",
    people: "People",
    files: "Files",
    log: "Conversation",
    message: "Message",
    placeholder: "Say something…",
    send: "Send",
    more: "Earlier messages",
    nothing: "Nobody has said anything yet. Be the first!",
    latest: "To the latest",
    "latest-n": (n) => n === 1 ? "1 new message" : `${n} new messages`,
    "new": "New",
    today: "Today",
    yesterday: "Yesterday",
    joined: "came in",
    left: "left",
    renamed: "is now called",
    "private": "to you alone",
    "private-to": (name) => `to ${name} alone`,
    nobody: (name) => `nobody is called ${name}`,
    "no-command": (word) => `There is no ${word}, but /me, /msg and /nick. ` +
      `/${word} says ${word}.`,
    "say-me": "/me TEXT tells what you do: “/me waves”.",
    "say-msg": "/msg NAME TEXT says something to NAME alone.",
    shared: "shared",
    gone: "took away",
    "gone-nobody": "Taken away:",
    you: "you",
    "change-name": (name) => `${name}, change your name`,
    language: "中文: switch to Chinese",
    terminal: "in a terminal",
    invite: "Others come in at ",
    "invite-nc": "or, from a terminal, with ",
    sending: "sending…",
    "not-delivered": "Not delivered",
    again: "Try again",
    discard: "Discard",
    "outbox-full": "Too much is waiting to be sent; wait for the hub.",
    "bytes-left": (n) => `${n} byte${n === 1 ? "" : "s"} left`,
    "too-long": (n) => `${n} byte${n === 1 ? "" : "s"} too long`,
    connecting: "Connecting…",
    connected: "Connected",
    offline: "Not connected",
    "lost-in": (n) => "The hub cannot be reached. Next try in " +
      (n === 1 ? "1 second." : `${n} seconds.`),
    "lost-now": "The hub cannot be reached. Trying…",
    now: "Try now",
    full: "The room is full. The page keeps trying.",
    share: "Share files",
    "or-drop": "or drop or paste them here",
    drop: "Drop files to share them",
    "no-files": "Nothing is shared yet.",
    "all-files": "All files",
    uploads: "Files being sent",
    "by": "by",
    waiting: "waits",
    finishing: "finishing…",
    stalled: (s) => `stalled ${s} s`,
    broken: "interrupted, goes on by itself",
    left_s: (s) => `${s} s left`,
    left_m: (m) => `${m} min left`,
    left_h: (h) => `${h} h left`,
    done: "shared",
    cancel: (name) => `Cancel ${name}`,
    dismiss: (name) => `Dismiss ${name}`,
    retry: (name) => `Try again: ${name}`,
    "shared-say": (name) => `${name} is shared`,
    "failed-say": (name, why) => `${name}: ${why}`,
    "f-folder": "a folder; send its files, or an archive of it",
    "f-many": (n) => `only ${n} files at once`,
    "f-read": "the file cannot be read any more",
    "f-401": "the room code is needed; load the page again",
    "f-403": "the hub does not take files",
    "f-413": "too large for the hub",
    "f-507": "no room on the hub's disk",
    "f-name": "the hub does not take this name",
    "f-other": (code) => `the hub refused it (${code})`,
    "name-title": "What is your name?",
    "name-why": "The others in the room will see it.",
    "name-label": "Name",
    "name-taken": (name) => `${name} is here already. Choose another name.`,
    "name-bad": "This name cannot be used. Try letters, at most 32.",
    "name-slow": "Too many new names. Wait a little.",
    "name-empty": "Please enter a name.",
    "code-title": "The room is closed",
    "code-why": "Whoever opened it can tell you the code.",
    "code-label": "Room code",
    "code-wrong": "That is not the code.",
    "code-slow": "Too many wrong codes. Wait a little.",
    "code-net": "The hub does not answer. Try again.",
    enter: "Come in",
    other: "Suggest another",
    back: "Cancel",
  },
  zh: {
    skip: "跳到输入框",
    views: "房间的各部分",
    talk: "聊天",
    people: "成员",
    files: "文件",
    log: "对话",
    message: "消息",
    placeholder: "说点什么…",
    send: "发送",
    more: "更早的消息",
    nothing: "还没有人说话，来说第一句吧！",
    latest: "回到最新",
    "latest-n": (n) => `${n} 条新消息`,
    "new": "新消息",
    today: "今天",
    yesterday: "昨天",
    joined: "加入了群聊",
    left: "离开了聊天室",
    renamed: "改名为",
    "private": "悄悄对你说",
    "private-to": (name) => `悄悄对 ${name} 说`,
    nobody: (name) => `没有人叫 ${name}`,
    "no-command": (word) => `没有 ${word} 命令，只有 /me、/msg 和 /nick。` +
      `要说 ${word} 请输入 /${word}。`,
    "say-me": "/me 动作，例如“/me 挥手”。",
    "say-msg": "/msg 名字 文字：只对这个人说。",
    shared: "分享了",
    gone: "撤下了",
    "gone-nobody": "已撤下：",
    you: "我",
    "change-name": (name) => `${name}，修改名字`,
    language: "English: 切换到英文",
    terminal: "终端",
    invite: "其他人可访问 ",
    "invite-nc": "或在终端运行 ",
    sending: "发送中…",
    "not-delivered": "未送达",
    again: "重试",
    discard: "丢弃",
    "outbox-full": "待发送的消息太多，请等待连接恢复。",
    "bytes-left": (n) => `还可输入 ${n} 字节`,
    "too-long": (n) => `超出 ${n} 字节`,
    connecting: "正在连接…",
    connected: "已连接",
    offline: "未连接",
    "lost-in": (n) => `连接已断开，${n} 秒后重试。`,
    "lost-now": "连接已断开，正在重试…",
    now: "立即重试",
    full: "房间已满，页面会继续尝试。",
    share: "分享文件",
    "or-drop": "也可拖放或粘贴到此处",
    drop: "松开即可分享文件",
    "no-files": "还没有分享任何文件。",
    "all-files": "全部文件",
    uploads: "正在发送的文件",
    "by": "来自",
    waiting: "等待中",
    finishing: "即将完成…",
    stalled: (s) => `已停滞 ${s} 秒`,
    broken: "已中断，将自动继续",
    left_s: (s) => `剩余 ${s} 秒`,
    left_m: (m) => `剩余 ${m} 分钟`,
    left_h: (h) => `剩余 ${h} 小时`,
    done: "已分享",
    cancel: (name) => `取消 ${name}`,
    dismiss: (name) => `移除 ${name}`,
    retry: (name) => `重试 ${name}`,
    "shared-say": (name) => `${name} 已分享`,
    "failed-say": (name, why) => `${name}：${why}`,
    "f-folder": "这是文件夹，请发送其中的文件或压缩包",
    "f-many": (n) => `一次最多 ${n} 个文件`,
    "f-read": "无法再读取此文件",
    "f-401": "需要房间码，请重新加载页面",
    "f-403": "此处不接受文件",
    "f-413": "文件过大",
    "f-507": "对方磁盘空间不足",
    "f-name": "不接受这个文件名",
    "f-other": (code) => `被拒绝（${code}）`,
    "name-title": "怎么称呼你？",
    "name-why": "房间里的人会看到这个名字。",
    "name-label": "名字",
    "name-taken": (name) => `${name} 已在房间里，请换一个名字。`,
    "name-bad": "不能使用这个名字，最多 32 个字符。",
    "name-slow": "改名太频繁，请稍候。",
    "name-empty": "请输入名字。",
    "code-title": "房间需要房间码",
    "code-why": "请向开房间的人询问。",
    "code-label": "房间码",
    "code-wrong": "房间码不对。",
    "code-slow": "错误次数过多，请稍候。",
    "code-net": "没有响应，请重试。",
    enter: "进入",
    other: "换一个",
    back: "取消",
  },
};

let lang = "en";

/** The word or sentence of that key; a function of it gets the rest. */
export function t(key, ...args) {
  const word = WORDS[lang][key];
  return typeof word === "function" ? word(...args) : word;
}

/** What formats dates and numbers: the reader's own variety, if it fits. */
export function locale() {
  const own = navigator.languages.find((l) => l.startsWith(lang));
  return own ?? (lang === "zh" ? "zh-CN" : "en");
}

/** Put the words into what index.html marks with data-t. */
function fill() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const e of document.querySelectorAll("[data-t]")) {
    e.textContent = t(e.dataset.t);
  }
  for (const e of document.querySelectorAll("[data-t-label]")) {
    e.setAttribute("aria-label", t(e.dataset.tLabel));
  }
  for (const e of document.querySelectorAll("[data-t-placeholder]")) {
    e.placeholder = t(e.dataset.tPlaceholder);
  }
  const other = document.getElementById("lang");
  other.textContent = lang === "zh" ? "English" : "中文";
  other.lang = lang === "zh" ? "en" : "zh-CN";
  other.setAttribute("aria-label", t("language"));
}

/** Choose by what was chosen before, else by the browser. */
export function start() {
  const wanted = [recall("lang"), ...navigator.languages];
  const known = wanted.map((l) => (l ?? "").slice(0, 2).toLowerCase());
  lang = known.find((l) => l in WORDS) ?? "en";
  fill();
}

/** Change to the other language, and remember it. */
export function change() {
  lang = lang === "zh" ? "en" : "zh";
  keep("lang", lang);
  fill();
}

/** All keys of each language, for the test that none is missing. */
export const keys = () =>
  Object.fromEntries(Object.entries(WORDS).map(([l, w]) =>
    [l, Object.keys(w)]));
