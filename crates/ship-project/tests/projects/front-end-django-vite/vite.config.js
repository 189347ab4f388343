export default {
  base: '/static/',
  build: { manifest: 'manifest.json', outDir: './assets', rollupOptions: { input: 'js/main.js' } },
}
