// The player: takes over from the browser's own controls, which stay where scripts do not run.

const player = document.querySelector(".player");
const audio = player.querySelector("audio");
const button = player.querySelector(".play");
const range = player.querySelector("input");
const now = player.querySelector(".now");
const passages = [...document.querySelectorAll(".passage")];

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function show() {
  range.value = audio.currentTime;
  range.setAttribute("aria-valuetext", clock(audio.currentTime));
  now.textContent = clock(audio.currentTime);
  player.style.setProperty("--heard", `${(100 * audio.currentTime) / range.max}%`);
  const spoken = passages.filter((passage) => passage.dataset.at <= audio.currentTime).pop();
  for (const passage of passages) passage.classList.toggle("now", passage === spoken && !audio.paused);
}

function follow() {
  player.classList.toggle("playing", !audio.paused);
  button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  show();
}

function goTo(seconds) {
  audio.currentTime = seconds;
  show();
}

// One visit counts once.
audio.addEventListener("play", () => navigator.sendBeacon(player.dataset.played), { once: true });
audio.addEventListener("play", follow);
audio.addEventListener("pause", follow);
audio.addEventListener("timeupdate", show);
button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
range.addEventListener("input", () => goTo(Number(range.value)));

for (const passage of passages) {
  passage.querySelector(".at").addEventListener("click", () => {
    goTo(Number(passage.dataset.at));
    audio.play();
  });
}

// A link from the search names the moment.
const moment = location.hash.match(/^#t(\d+)$/);
if (moment) goTo(Number(moment[1]));

audio.controls = false;
player.querySelector(".controls").hidden = false;
