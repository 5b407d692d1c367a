/* Evidence taken with this device: open its camera, and fill in place, time and device as it gives them. */
"use strict";
{
  const form = document.querySelector("form.qj-form");
  const button = document.querySelector("[data-here]");
  const answer = document.querySelector("[data-here-answer]");
  const field = (name) => form.elements.namedItem(name);
  const two = (number) => String(number).padStart(2, "0");

  const camera = () => {
    const live = field("capture").value === "live";
    const kinds = { photo: "image/*", video: "video/*", audio: "audio/*" };
    const wanted = kinds[field("kind").value];
    if (wanted) field("file").setAttribute("accept", wanted);
    else field("file").removeAttribute("accept");
    if (live && wanted) field("file").setAttribute("capture", "environment");
    else field("file").removeAttribute("capture");
    field("recorder").closest(".mb-3").hidden = field("capture").value !== "recorder";
  };
  field("capture").addEventListener("change", camera);
  field("kind").addEventListener("change", camera);
  camera();

  /* The office works in China time, whatever zone the device is set to. */
  const now = () => {
    const china = new Date(Date.now() + 8 * 3600e3);
    const day = `${china.getUTCFullYear()}-${two(china.getUTCMonth() + 1)}-${two(china.getUTCDate())}`;
    return `${day}T${two(china.getUTCHours())}:${two(china.getUTCMinutes())}`;
  };

  button.addEventListener("click", () => {
    field("taken_at").value = now();
    const parts = navigator.userAgent.match(/\(([^)]*)\)/);
    field("device").value = (parts ? parts[1] : navigator.platform || "").slice(0, 120);
    if (!navigator.geolocation) {
      answer.textContent = button.dataset.failed;
      return;
    }
    navigator.geolocation.getCurrentPosition(
      (place) => {
        field("longitude").value = place.coords.longitude.toFixed(6);
        field("latitude").value = place.coords.latitude.toFixed(6);
        answer.textContent = `${field("longitude").value}, ${field("latitude").value} ± ${Math.round(place.coords.accuracy)} m`;
      },
      () => { answer.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 0 },
    );
  });
}
