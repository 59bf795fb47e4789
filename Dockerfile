# The operator's image: one JavaScript file on Node, without a shell or package manager, not root.
#   docker build -t vps247-operator .
# Behind a registry mirror, pass npm's settings without storing them in a layer: --secret id=npmrc,src=$HOME/.npmrc
#
# The base images are arguments, so that you can use a mirror, another patch release, or a digest. A release pins both by digest
# (name:tag@sha256:…). The default is the tag, so that a local build gets the newest fixes.
ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same for every architecture, so it is built once, on the builder's architecture.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The bundle needs no install scripts of packages, so none run.
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
      org.opencontainers.image.description="Kubernetes operator that manages virtual machines at the hosting provider vps247" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Returns freed memory to the system instead of keeping it in thread arenas (docs/adr/0024).
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    MALLOC_TRIM_THRESHOLD_=131072
# Owned by root and readable by any user, independent of the builder's umask: OpenShift assigns an arbitrary user. The operator can't
# change its program, and writes no files.
COPY --from=build --chmod=444 /src/dist/vps247-operator.mjs /src/dist/kubectl-vps.mjs /src/dist/THIRD-PARTY-LICENSES /app/
COPY --chmod=444 LICENSE /app/
WORKDIR /app
# Numeric, so that the kubelet can verify from the image that it isn't root.
USER 65532:65532
# Metrics, health.
EXPOSE 8080 8081
# Exec form: signals reach Node, and the image has no shell. The flags keep the heap small.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "--heap-growing-percent=20", "--no-flush-bytecode", "/app/vps247-operator.mjs"]
