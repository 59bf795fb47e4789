# The operator's image: one JavaScript file on Node, no shell, no package manager, not root.
#   docker build -t vps247-operator .
# Behind a registry mirror, hand npm's settings over without leaving them in a layer: --secret id=npmrc,src=$HOME/.npmrc
#
# The base images are arguments so that a mirror, a newer patch release or a digest can take their place. A release pins both
# by digest (name:tag@sha256:…); here the tag alone stands, so that a plain build gets the newest fixes.
ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same for every architecture: it is built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No package needs its install script to build the bundle, so none runs.
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY hack/build.ts hack/
COPY src src
RUN node hack/build.ts

FROM ${RUN_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vps247-operator" \
      org.opencontainers.image.description="Kubernetes operator for virtual machines at the hosting provider vps247" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Memory that is freed goes back to the system rather than into the arenas of threads (docs/adr/0024).
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    MALLOC_TRIM_THRESHOLD_=131072
# Owned by root and readable by any user, whatever the builder's umask: OpenShift runs it as one that the image doesn't know. The
# operator can't change its own program, and it writes no file anywhere.
COPY --from=build --chmod=444 /src/dist/vps247-operator.mjs /src/dist/THIRD-PARTY-LICENSES /app/
COPY --chmod=444 LICENSE /app/
WORKDIR /app
# By number, so that a kubelet can tell from the image alone that it is not root.
USER 65532:65532
# Metrics, health.
EXPOSE 8080 8081
# In exec form: signals reach Node itself, and there is no shell to run any other. The flags keep the heap small.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "--heap-growing-percent=20", "--no-flush-bytecode", "/app/vps247-operator.mjs"]
