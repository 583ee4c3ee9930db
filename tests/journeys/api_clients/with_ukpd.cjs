// ukpd (npm), unmodified: every call it documents, the month left out and given.
const ukpd = require("ukpd");

let checks = 0;
function check(name, holds) {
  checks += 1;
  if (!holds) {
    console.error(`${name} does not hold`);
    process.exit(1);
  }
}

(async () => {
  check("availability", (await ukpd.availability())[0].date === "2019-09");
  check("categories", (await ukpd.categories()).length === 15);
  check("forces", (await ukpd.forces()).length === 3);
  check("a force", (await ukpd.forces("northshire")).name === "Northshire Police");
  check("last updated", (await ukpd.lastUpdated()).date === "2019-09-01");
  const given = await ukpd.streetLevel(52.005, -1.49, "2019-09");
  check("crimes near a point", given.length > 100);
  const left = await ukpd.streetLevel(52.005, -1.49);
  check("the month left out", JSON.stringify(left) === JSON.stringify(given));
  check("stops", Array.isArray(await ukpd.stopAndSearch(52.005, -1.49, "2019-09")));
  check("stops, the month left out", Array.isArray(await ukpd.stopAndSearch(52.005, -1.49)));
  console.log(checks);
})();
