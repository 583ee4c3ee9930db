// Lays out the OpenAPI description as forms, sends what is filled in, and shows the answer with its headers.
const SHOWN = 20000;

function made(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function field(parameter) {
  const schema = parameter.schema || {};
  const label = made("label", parameter.name + (parameter.required ? " (needed)" : ""));
  let input;
  if (schema.enum) {
    input = made("select");
    if (!parameter.required) input.append(made("option", "", { value: "" }));
    for (const value of schema.enum) input.append(made("option", value, { value }));
  } else {
    input = made("input", "", { type: "text", autocomplete: "off" });
    if (schema.example !== undefined) input.placeholder = schema.example;
  }
  input.name = parameter.name;
  input.required = Boolean(parameter.required);
  label.append(input, made("small", parameter.description));
  return label;
}

function address(path, parameters, form) {
  const query = new URLSearchParams();
  let filled = path;
  for (const parameter of parameters) {
    const value = form.elements[parameter.name].value.trim();
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value) query.set(parameter.name, value);
  }
  const text = query.toString();
  return "/api" + filled + (text ? "?" + text : "");
}

async function ask(where, output) {
  output.replaceChildren(made("p", "Asking …"));
  try {
    const answer = await fetch(where);
    const told = [`GET ${where}`, `${answer.status} ${answer.statusText}`];
    for (const name of ["completeness", "completeness-detail", "parameters-ignored", "release", "total-count"]) {
      if (answer.headers.has(name)) told.push(`${name}: ${answer.headers.get(name)}`);
    }
    const text = await answer.text();
    let shown = text;
    if ((answer.headers.get("content-type") || "").includes("json")) {
      try { shown = JSON.stringify(JSON.parse(text), null, 1); } catch { /* lines of JSON stay as they are */ }
    }
    if (shown.length > SHOWN) shown = shown.slice(0, SHOWN) + `\n… ${shown.length - SHOWN} more characters`;
    output.replaceChildren(made("pre", told.join("\n")), made("pre", shown));
  } catch (problem) {
    output.replaceChildren(made("p", `No answer: ${problem.message}`));
  }
}

async function start() {
  const description = await (await fetch("/api/openapi.json")).json();
  document.getElementById("title").textContent = description.info.title;
  document.title = description.info.title;
  document.getElementById("about").textContent = `Release ${description.info.version}. ${description.info.description}`;
  const main = document.getElementById("operations");
  for (const [path, methods] of Object.entries(description.paths)) {
    const operation = methods.get;
    const details = made("details");
    const summary = made("summary");
    summary.append(made("code", `${Object.keys(methods).join(", ").toUpperCase()} ${path}`), made("span", operation.summary));
    const form = made("form");
    const output = made("output");
    form.append(...operation.parameters.map(field), made("button", "Ask", { type: "submit" }), output);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(address(path, operation.parameters, form), output);
    });
    details.append(summary, form);
    main.append(details);
  }
}

start();
