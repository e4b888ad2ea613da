# tagpin's image: a bundle on Node.js, without shell or package manager.
# Both bases can be replaced, for example by a mirror. A release passes them with their digests, as `tagpin resolve` prints
# them: --build-arg BUILD_BASE=… --build-arg BASE=gcr.io/…:nonroot@sha256:…
ARG BUILD_BASE=node:26-slim
# It must have Node.js as /nodejs/bin/node.
ARG BASE=gcr.io/distroless/nodejs26-debian13:nonroot

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The only install script downloads a second Node.js, for machines whose own is too old.
RUN npm ci --ignore-scripts --prefer-offline --no-audit --no-fund
COPY rolldown.config.ts tsconfig.json ./
COPY src src
# .mjs, because the image has no package.json that declares an ES module.
RUN npm run build -- --entry-file-names tagpin.mjs
# `kubectl exec … -- tagpin`: no shell is there to start it, nor an env.
RUN node -e "fs.writeFileSync('dist/tagpin', '#!/nodejs/bin/node\nimport(\"/app/tagpin.mjs\");\n', { mode: 0o755 })"

FROM ${BASE}
ARG BASE
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
# The time of the revision, RFC 3339. With the time of the build, no two builds would be equal.
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="tagpin" \
      org.opencontainers.image.description="Pins image tags to digests as pods are admitted to Kubernetes" \
      org.opencontainers.image.url="https://github.com/tagpin/tagpin" \
      org.opencontainers.image.source="https://github.com/tagpin/tagpin" \
      org.opencontainers.image.documentation="https://github.com/tagpin/tagpin#readme" \
      org.opencontainers.image.vendor="tagpin" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
# DNS lookups use half of these threads. With the default of four, two unresponsive name servers block all other lookups.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=64
ENV PATH=/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The entry point, and the chunks that it loads only when an image needs them.
COPY --from=build /src/dist /app
USER 65532:65532
EXPOSE 8443 8080
# By default the heap grows to more than twice its live data: 281 MiB resident after 30,000 reviews of 5,000 images. With
# these flags it is 160 MiB.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=50", "/app/tagpin.mjs"]
CMD ["serve"]
