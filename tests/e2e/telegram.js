// Telegram's own script as far as the app uses it, for checks without Telegram. It runs in the page.
//
// What it was told stands in `window.fake`; `fake.refuses` in the session's storage makes the phone's biometrics say no.

export function telegramFake() {
  const heard = {};
  // What a phone puts around a page; without it the app takes nobody's word for Telegram's.
  window.TelegramWebviewProxy = {};
  window.fake = { back: false, main: null, haptics: [], press: (name) => heard[name]?.() };
  const button = (name, show) => ({ show() { show(true); return this; }, hide() { show(false); return this; }, onClick(take) { heard[name] = take; return this; }, offClick() { delete heard[name]; return this; },
    setText(text) { window.fake.main = text; return this; }, showProgress() { return this; }, hideProgress() { return this; }, enable() { return this; }, disable() { return this; } });
  window.Telegram = { WebApp: {
    ready() {}, expand() {}, onEvent() {}, themeParams: {}, safeAreaInset: { top: 0, bottom: 0, left: 0, right: 0 }, contentSafeAreaInset: { top: 12, bottom: 0, left: 0, right: 0 },
    BackButton: button("back", (on) => { window.fake.back = on; }), MainButton: button("main", () => {}),
    HapticFeedback: { notificationOccurred: (kind) => window.fake.haptics.push(kind), selectionChanged: () => window.fake.haptics.push("selection") },
    BiometricManager: {
      isInited: false, isBiometricAvailable: true, isAccessGranted: true,
      init(done) { this.isInited = true; done(); }, requestAccess(_, done) { done(true); },
      updateBiometricToken(token, done) { localStorage.setItem("fake.token", token); done(true); },
      authenticate(_, done) { const good = !sessionStorage.getItem("fake.refuses"); done(good, good ? localStorage.getItem("fake.token") : null); },
    },
    openTelegramLink(address) { window.fake.opened = address; }, enableClosingConfirmation() {}, disableClosingConfirmation() {},
  } };
}
