"""LiteRT.js, Google's interpreter for browsers, in a Node process that runs one file.

`serve.mjs` is that process; `package.json` and `package-lock.json` pin what it needs from npm.
"""
