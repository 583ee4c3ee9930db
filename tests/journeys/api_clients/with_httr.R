# The requests that ukpolice (CRAN) makes, through httr and jsonlite as it makes them: the odd addresses included.
base <- commandArgs(trailingOnly = TRUE)[1]
checks <- 0
check <- function(name, holds) {
  checks <<- checks + 1
  if (!isTRUE(holds)) stop(paste(name, "does not hold"))
}
ask <- function(path) {
  answer <- httr::GET(paste0(base, "/", path))
  httr::stop_for_status(answer)
  if (httr::http_type(answer) != "application/json") stop("not JSON")
  jsonlite::fromJSON(httr::content(answer, "text", encoding = "UTF-8"), flatten = TRUE)
}
crimes <- ask("crimes-street/all-crime?lat=52.005&lng=-1.49&date=2019-09")
check("crimes are a table", is.data.frame(crimes) && nrow(crimes) > 100)
check("columns", all(c("category", "persistent_id", "location.street.name", "outcome_status.category") %in% names(crimes)))
check("a wrong category is every crime", nrow(ask("crimes-street/outcomes-at-location?lat=52.005&lng=-1.49&date=2019-09")) == nrow(crimes))
check("doubled separators", nrow(ask("crimes-street/all-crime?&lat=52.005&&lng=-1.49&&date=2019-09")) == nrow(crimes))
check("a polygon", nrow(ask("crimes-street/all-crime?poly=52.000,-1.500:52.020,-1.500:52.020,-1.470&date=2019-09")) > 20)
check("crimes without a location", nrow(ask("crimes-no-location?category=all-crime&force=northshire&date=2019-09")) > 0)
check("at a location", nrow(ask(paste0("crimes-at-location?date=2019-09&location_id=", crimes$location.street.id[1]))) > 0)
check("categories", nrow(ask("crime-categories")) == 15)
check("dates", ask("crimes-street-dates")$date[1] == "2019-09")
check("last updated", ask("crime-last-updated")$date == "2019-09-01")
force <- ask("forces/northshire")
check("force details", is.character(force$description) && nrow(force$engagement_methods) >= 1)
check("neighbourhoods", nrow(ask("northshire/neighbourhoods")) == 5)
check("a boundary", nrow(ask("northshire/NC01/boundary")) > 4)
check("locate", ask("locate-neighbourhood?q=52.005,-1.49")$neighbourhood == "NC01")
posted <- httr::POST(paste0(base, "/crimes-street/all-crime"), encode = "form",
                     body = list(poly = "52.000,-1.500:52.020,-1.500:52.020,-1.470", date = "2019-09"))
check("a form", httr::status_code(posted) == 200)
check("a gap is an empty list", length(ask("crimes-no-location?force=mercaster&date=2019-09")) == 0)
cat(checks, "\n")
