import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The server gives these files away from its own binary, so the build is kept
// small and every asset carries a hash and can be cached for ever.
const server = process.env['PLENARY_URL'] ?? 'http://127.0.0.1:7880';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    // livekit-client alone is about 540 kB; it has a chunk of its own, which
    // only the meeting's pages load.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': { target: server, changeOrigin: true },
      '/rtc': { target: server, changeOrigin: true, ws: true },
    },
  },
});
