import { defineConfig } from 'rolldown';

/**
 * One file that holds all of tagpin and its dependencies: the image needs no node_modules, and starts faster.
 * Dependencies in CommonJS may call `require` for Node's own modules, which rolldown turns into
 * `createRequire` for platform node.
 */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  output: {
    file: 'dist/tagpin.js',
    format: 'esm',
    codeSplitting: false,
    // Names stay whole, so that a stack trace in a log can be read.
    minify: { compress: true, mangle: false, codegen: false },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
