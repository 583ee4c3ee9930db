// Draws each trend with Plotly over its still picture; a month that was not supplied breaks the line.
for (const chart of document.querySelectorAll("[data-trend]")) {
  if (!window.Plotly) break;
  const { title, months, counts, alert, expected, low, high } = JSON.parse(chart.dataset.trend);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const traces = [{
    x: months, y: counts, name: "Supplied", mode: "lines+markers", connectgaps: false,
    line: { color: colour("--link"), width: 2 }, marker: { size: 6 },
    hovertemplate: "%{x|%B %Y}: %{y:,}<extra></extra>",
  }];
  if (expected !== null) {
    traces.push({
      x: alert, y: alert.map(() => expected), name: "Expected", mode: "markers",
      marker: { symbol: "line-ew-open", size: 16, color: colour("--hatch"), line: { width: 3 } },
      error_y: low === null ? undefined : { type: "data", symmetric: false, array: [high - expected], arrayminus: [expected - low], color: colour("--hatch") },
      hovertemplate: "expected %{y:,.0f}<extra></extra>",
    });
  }
  const next = (month) => { const day = new Date(month); day.setUTCMonth(day.getUTCMonth() + 1); return day.toISOString().slice(0, 10); };
  const middle = (month, days) => { const day = new Date(month); day.setUTCDate(day.getUTCDate() + days); return day.toISOString().slice(0, 10); };
  // The bands of months without a figure, and of the months that the alert is about.
  const shapes = months.flatMap((month, index) => counts[index] === null ? [{
    type: "rect", xref: "x", yref: "paper", x0: middle(month, -15), x1: middle(next(month), -15), y0: 0, y1: 1,
    fillcolor: colour("--hatch"), opacity: 0.28, line: { width: 0 },
  }] : []);
  const gaps = months.filter((_, index) => counts[index] === null);
  const plot = document.createElement("div");
  plot.className = "plot";
  chart.prepend(plot);
  chart.classList.add("drawn");
  Plotly.newPlot(plot, traces, {
    margin: { l: 56, r: 12, t: 12, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--quiet"), family: "system-ui, sans-serif", size: 13 }, hovermode: "x", showlegend: false, shapes,
    annotations: gaps.length ? [{ x: gaps[Math.floor(gaps.length / 2)], y: 1, yref: "paper", text: "not known", showarrow: false, font: { color: colour("--unknown") } }] : [],
    yaxis: { rangemode: "tozero", tickformat: ",d", gridcolor: colour("--line"), zerolinecolor: colour("--quiet"), fixedrange: true },
    xaxis: { type: "date", tickformat: "%b\n%Y", hoverformat: "%B %Y", range: [middle(months[0], -20), middle(months.at(-1), 20)] },
  }, { displayModeBar: false, responsive: true });
}
