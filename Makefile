# The front door. Meson builds (meson.build); this file only knows what people
# type. `make` alone builds; B is the build folder.

B ?= build
PREFIX ?= /usr/local
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

# Progress for people; for logs only what is wrong.
NINJA = if [ -t 1 ]; then ninja -C $(B) $(1); \
	else ninja -C $(B) --quiet $(1) | sed '/^ninja: no work to do/d'; fi

# Meson cannot see a meson.build appear in a new folder; make can.
MESON_FILES := meson.build meson_options.txt \
	$(wildcard */meson.build */*/meson.build)

build: setup $(B)/build.ninja
	@$(call NINJA)

$(B)/build.ninja: $(MESON_FILES)
	@if [ -f $@ ]; then \
	    meson setup --reconfigure $(B) >/dev/null && \
	    ninja -C $(B) build.ninja >/dev/null && touch $@; \
	else \
	    meson setup $(B) >/dev/null; \
	fi || { tail -n 3 $(B)/meson-logs/meson-log.txt >&2; exit 1; }

# Build the command alone, open the hub on this network and print how to join;
# ARGS go to it.
hub: setup $(B)/build.ninja
	@$(call NINJA,tenon)
	@exec $(B)/tenon hub $(ARGS)

# gcc and clang without a warning, every test, the sanitizers, the stack switch
# of aarch64 under qemu-user, lint.
check:
	@tools/setup check
	@tools/check gcc clang asan arm64 lint tidy-quick

# The hub's page in Debian's chromium; needs npm once, else it is skipped. ARGS
# names programs of tests/web.
check-web:
	@tools/check-web $(ARGS)

# The program among hosts that are namespaces, on a network that loses; needs
# root or user namespaces, else it is skipped. ARGS names programs of tests/lan.
check-lan:
	@tools/check-lan $(ARGS)

# One part of it, or what takes too long to be part of it.
asan tsan valgrind arm64 lint tidy:
	@tools/setup check
	@tools/check $@

format:
	@git ls-files -z '*.c' '*.h' | xargs -0 -r clang-format -i

# bench/run BUILD-FOLDER [ARGS]; see bench/.
bench:
	@tools/setup bench
	@tools/check --build-only bench
	@bench/run build-bench $(ARGS)

# make fuzz T=frame: fuzz one parser until Ctrl-C; ARGS go to libFuzzer. What
# it finds is kept in build-fuzz; the committed corpus is only read.
fuzz:
	@tools/setup fuzz
	@tools/check --build-only fuzz
	@mkdir -p build-fuzz/corpus/$(T)
	@build-fuzz/tests/fuzz/fuzz_$(T) -artifact_prefix=build-fuzz/ \
	    $(ARGS) build-fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

# The manual pages are part of what is built.
man: build

# make install PREFIX=/usr DESTDIR=/tmp/package
install: $(B)/build.ninja
	@DESTDIR="$(DESTDIR)" tools/install $(B) "$(or $(PREFIX),/usr/local)"

setup:
	@tools/setup build

clean:
	@rm -rf $(B) build-gcc build-clang build-asan build-tsan \
	    build-valgrind build-arm64 build-bench build-fuzz build-web build-lan

.PHONY: build hub check check-web check-lan asan tsan valgrind arm64 lint tidy \
	format bench fuzz man install setup clean
