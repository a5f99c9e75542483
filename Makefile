# Each target shows the plain commands that it runs. HCSSHIM is a version or a checkout of
# hcsshim, ENTRY a function of it, FINDINGS what is excused: go test reads that from the
# environment, where make puts it.

.DEFAULT_GOAL := help
.PHONY: help extract test coverage exhaustive fuzz repro keep bench corpus lint clean

run = GOWORK=off go run ./cmd/shimfuzz
quoted = '$(subst ','\'',$($1))'
choice = $(if $(HCSSHIM),-hcsshim=$(call quoted,HCSSHIM)) $(if $(ENTRY),-entry=$(call quoted,ENTRY))
case = $(if $(CASE),-case=$(call quoted,CASE)) $(if $(TARGET),-target=$(call quoted,TARGET))

# The workspace of the hcsshim under test, which is extracted first if need be.
work = GOWORK=$(or $(shell $(if $(FINDINGS),FINDINGS=$(call quoted,FINDINGS)) $(run) extract $(choice)),\
	$(error make: the hcsshim cannot be tested, see above))

help:
	@echo "make test          everything that must hold: corpus, properties, enumeration, seeds of the fuzz targets"
	@echo "make fuzz          the fuzz targets, one after another      FUZZTIME=30s TARGET=FuzzMalformed"
	@echo "make repro         what a payload is, and what each decoder answers to it      CASE=file"
	@echo "make keep          make a case one that go test runs      CASE=file"
	@echo "make extract       put hcsshim under test for plain go commands and editors"
	@echo "make coverage      fail if the properties miss a statement of readOptions, or fuzzing starts short of one"
	@echo "make exhaustive    enumerate longer payloads (minutes)"
	@echo "make bench         the time of each target beside readOptions alone"
	@echo "make corpus        write corpus/index.json, with an entry for each file"
	@echo "make lint          gofmt, go vet, staticcheck, actionlint"
	@echo "make clean         remove what is built and extracted"
	@echo "make -C lab        conformance of other readers, the compatibility matrix, mutants, OSS-Fuzz, real programs"
	@echo "HCSSHIM=v0.14.1 or HCSSHIM=../hcsshim tests another hcsshim; FINDINGS=none excuses nothing, libraries"
	@echo "what is no defect of hcsshim's own. make -n shows the plain commands of a target."

extract:
	$(run) extract $(choice)

# A go command that fails for what is no test's failure is one to the summary, too.
red = echo '{"Action":"fail"}'
race = $(if $(filter 1,$(shell go env CGO_ENABLED)),$(work) go test -json -race \
	-run='^(TestConcurrent|TestNoSharedState)' ./properties -rapid.checks=30 || $(red),\
	echo "NOT RUN: the race detector, which needs a C compiler")

test:
	{ $(work) go test -json ./... || $(red); $(race); } | $(run) summary

coverage:
	$(work) go test -skip=^TestWalk -coverpkg=shimfuzz/extracted,github.com/containerd/containerd/api/runtime/bootstrap/v1 \
		-coverprofile=build/coverage.out ./properties; code=$$?; \
	awk -f internal/hcsshim/unreached.awk $$($(work) go list -f '{{.Dir}}' shimfuzz/extracted)/*.go build/coverage.out && exit $$code
	$(work) go tool cover -func=build/coverage.out | awk '/FindExtension/ { n++; print; bad = $$NF != "100.0%" } END { exit bad || !n }'
	$(work) go test -v -run=^TestBaseline -coverpkg=shimfuzz/extracted/...,shimfuzz/internal/grammar,shimfuzz/internal/reference,google.golang.org/protobuf/...,github.com/containerd/... ./fuzz

exhaustive:
	$(work) go test -timeout=60m -run=^TestWalk ./properties -exhaustive

fuzz:
	$(work) go run ./cmd/shimfuzz fuzz $(if $(FUZZTIME),-fuzztime=$(FUZZTIME)) $(if $(TARGET),-target=$(TARGET))

repro:
	@$(work) go run ./cmd/shimfuzz repro $(case)

keep:
	@$(run) keep $(case)

bench:
	$(work) go test -run=^$$ -bench=. ./fuzz ./properties

corpus:
	@$(MAKE) --no-print-directory -C lab corpus

lint:
	test -z "$$(gofmt -l $$(git ls-files '*.go'))"
	go vet ./...
	cd lab && GOWORK=off go vet ./... && GOWORK=off go build -o ../build/ honnef.co/go/tools/cmd/staticcheck github.com/rhysd/actionlint/cmd/actionlint
	GOWORK=off build/staticcheck ./...
	cd lab && GOWORK=off ../build/staticcheck ./...
	build/actionlint -shellcheck= -pyflakes=

clean:
	rm -rf build go.work go.work.sum properties/testdata
