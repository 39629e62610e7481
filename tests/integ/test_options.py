#!/usr/bin/env python3
"""The option tables against what is made of them: help, man, completions.

And the ways to write an option, with a program that is not connected to
anything: what an option did is seen in the complaint about the next.
"""

import os
import re
import shutil
import subprocess

import tap


# What stands in the way of one meaning for each letter: netcat's -n, and that
# a chat without -n for the name would be strange.
# And `get` has curl's letters, which its users have in their fingers.
OWN_LETTERS = {("chat", "n")} | {("get", letter) for letter in "CTdefimsux"}


def table():
    """{command: [(long, letter, arg, description)]}"""
    rows = {}
    for line in tap.tenon("__options")[1].splitlines():
        command, *row = line.split("\t")
        rows.setdefault(command, []).append(tuple(row))
    return rows


def squeeze(text):
    return re.sub(r"\s+", " ", text)


def forms(name, letter, arg):
    text = f"-{letter}, --{name}" if letter != "-" else f"--{name}"
    return text + (f" {arg}" if arg else "")


def check_help(command, rows):
    code, out, err = tap.tenon(command, "--help")
    tap.equal((code, err), (0, ""))
    text = squeeze(out)
    for name, letter, arg, description in rows:
        wanted = f"{forms(name, letter, arg)} {description}"
        tap.true(squeeze(wanted) in text, f"not in help: {wanted}")
    listed = re.findall(r"^ +(?:-., )?--([a-z0-9-]+)", out, re.M)
    tap.equal(sorted(listed), sorted([r[0] for r in rows] + ["help"]), "help")
    wide = [line for line in out.splitlines() if len(line) > 80]
    tap.equal(wide, [], "lines wider than 80")
    tap.equal(tap.tenon("help", command)[1], out, "tenon help")


def check_page(command, rows):
    path = os.path.join(tap.SOURCE, "man", f"tenon-{command}.1.scd")
    tap.true(os.path.exists(path), f"there is no man/tenon-{command}.1.scd")
    with open(path, encoding="utf-8") as file:
        source = file.read()
    tap.true("@OPTIONS@\n" in source, "the page has no @OPTIONS@")
    code, page, err = tap.tenon("__man", command, stdin=source.encode())
    tap.equal((code, err), (0, ""))
    tap.true(not re.search("@[A-Z]+@", page), "something was not filled in")
    plain = re.sub(r"\\(.)", r"\1", page)
    for name, letter, arg, description in rows:
        bold = f"*-{letter}*, *--{name}*" if letter != "-" else f"*--{name}*"
        bold += f" _{arg}_" if arg else ""
        tap.true(f"\n{bold}\n\t{description}\n" in plain,
                 f"not in the page: {bold} {description}")
    for name in re.findall(r"\*--([a-z0-9-]+)", plain):
        tap.true(name in [r[0] for r in rows] + ["help"],
                 f"the page speaks of --{name}, which does not exist")
    if shutil.which("scdoc"):
        done = subprocess.run(["scdoc"], input=page.encode(),
                              capture_output=True, check=False)
        tap.equal((done.returncode, done.stderr), (0, b""), "scdoc")


def check_sentences(rows):
    for name, _, _, description in rows:
        tap.true(re.match(r"[A-Z].*\.$", description),
                 f"--{name}: no sentence: {description}")


def check_bash(command, rows):
    def complete(*words):
        script = ('eval "$("$0" __complete bash)"; COMP_WORDS=("$@"); '
                  'COMP_CWORD=$(($# - 1)); _tenon; echo "${COMPREPLY[@]}"')
        done = subprocess.run([tap.need("bash"), "-c", script, tap.PROGRAM,
                               "tenon", *words], capture_output=True,
                              timeout=tap.LIMIT, check=False)
        tap.equal(done.stderr, b"", "bash's stderr")
        return done.stdout.decode().split()
    tap.equal(sorted(complete(command, "--")),
              sorted(["--help"] + ["--" + r[0] for r in rows]))
    tap.true(command in complete(""), "the command itself")
    tap.equal(complete(command[:-1]), [command])


@tap.case
def words_complete():
    """bash completes the words of --mode"""
    script = ('eval "$("$0" __complete bash)"; COMP_CWORD=3; '
              'COMP_WORDS=(tenon echo --mode d); _tenon; '
              'echo "${COMPREPLY[@]}"')
    done = subprocess.run([tap.need("bash"), "-c", script, tap.PROGRAM],
                          capture_output=True, check=False)
    tap.equal(done.stdout, b"discard daytime\n")


def check_syntax(shell):
    program = tap.need(shell)
    text = tap.tenon("__complete", shell)[1]
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "script")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([program, "-n", path], capture_output=True,
                              env={**os.environ, "HOME": folder},
                              check=False)
    tap.equal((done.returncode, done.stderr), (0, b""))
    for command, rows in table().items():
        tap.true(command in text, command)
        for row in rows:
            tap.true(row[0] in text, row[0])


@tap.case
def fish_completes():
    """fish completes options of the right command"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "tenon.fish")
        with open(path, "w", encoding="utf-8") as file:
            file.write(tap.tenon("__complete", "fish")[1])
        done = subprocess.run(
            [tap.need("fish"), "--no-config", "-c",
             f"source {path}; complete -C 'tenon echo --co'"],
            capture_output=True, env={**os.environ, "HOME": folder},
            check=False)
    tap.equal([line.split(b"\t")[0] for line in done.stdout.splitlines()],
              [b"--coalesce"])


@tap.case
def letters():
    """a short letter means the same in every command"""
    meaning = {}
    # Where nobody looks names up without it, -n is the name to be called.
    other = {("chat", "n")}
    for command, rows in table().items():
        for name, letter, _, _ in rows:
            if letter == "-" or (command, letter) in other:
                continue
            if (command, letter) in OWN_LETTERS:
                continue
            tap.equal(meaning.setdefault(letter, name), name,
                      f"-{letter} of {command}")


@tap.case
def no_doubles():
    """no option is there twice"""
    for command, rows in table().items():
        names = [r[0] for r in rows]
        marks = [r[1] for r in rows if r[1] != "-"]
        tap.equal(len(names), len(set(names)), command)
        tap.equal(len(marks), len(set(marks)), command)


# Each ends in a complaint that shows how the words before were read.
WRITTEN = [
    ("--wait=5s --zzz", "unknown option --zzz"),
    ("--wait 5s --zzz", "unknown option --zzz"),
    ("-w5s --zzz", "unknown option --zzz"),
    ("-w 5s --zzz", "unknown option --zzz"),
    ("-uvw5s --zzz", "unknown option --zzz"),
    ("-luv --zzz", "unknown option --zzz"),
    ("-w --zzz", "-w --zzz: must be a time"),
    ("-w=5 :1", "-w =5: must be a time"),
    ("--wait=1:1", "--wait 1:1: must be a time"),
    ("-k -- --zzz", "--zzz: no port"),
    ("-k -- -l:1", "-k needs -l"),
    ("a:1 -k", "-k needs -l"),
    ("-k a:1", "-k needs -l"),
    ("a -k 1", "-k needs -l"),
    ("-", "-: no port"),
    ("-w 1.5 --zzz", "unknown option --zzz"),
    ("-w 1.5m --zzz", "unknown option --zzz"),
    ("-w 1500us --zzz", "unknown option --zzz"),
    ("-w 999us --zzz", "-w 999us: must be 1ms to 24h"),
    ("-w 1. --zzz", "-w 1.: must be a time"),
    ("-w .5 --zzz", "-w .5: must be a time"),
    ("-w 5 s --zzz", "unknown option --zzz"),
    ("--datagram 1k --zzz", "unknown option --zzz"),
    ("--datagram 1KiB --zzz", "unknown option --zzz"),
    ("--datagram 1.5k --zzz", "unknown option --zzz"),
    ("--datagram 64K --zzz", "--datagram 64K: must be 1 to 65507"),
    ("--datagram 1.5 --zzz", "--datagram 1.5: must be a size"),
    ("-v -v -v --zzz", "unknown option --zzz"),
]


def check_written(words, wanted):
    code, out, err = tap.tenon("talk", *words.split())
    tap.equal((code, out), (2, ""))
    tap.true(err.startswith("tenon talk: " + wanted) and
             err.count("\n") == 1, err)


@tap.case
def help_anywhere():
    """--help wins wherever it stands, -h too"""
    text = tap.tenon("talk", "--help")[1]
    for words in (["-l", "--help"], ["a", "b", "-h"], ["-lvh"], ["-h"]):
        tap.equal(tap.tenon("talk", *words), (0, text, ""))


@tap.case
def version():
    """--version"""
    code, out, err = tap.tenon("--version")
    tap.equal((code, err), (0, ""))
    tap.true(re.fullmatch(r"tenon \d+\.\d+\.\d+\n", out), out)


def main():
    for command, rows in table().items():
        tap.add(f"{command}: table = help", check_help, command, rows)
        tap.add(f"{command}: table = man page", check_page, command, rows)
        tap.add(f"{command}: sentences", check_sentences, rows)
        tap.add(f"{command}: bash completes", check_bash, command, rows)
    for shell in ("bash", "zsh", "fish"):
        tap.add(f"{shell} reads its completions", check_syntax, shell)
    for words, wanted in WRITTEN:
        tap.add("written: talk " + words, check_written, words, wanted)
    tap.run()


main()
