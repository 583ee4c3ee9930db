# Expected count and dispersion of farringtonFlexible for each series and month asked for: in.csv (series, t, y) and
# months.csv (t) to out.csv (series, t, mu, phi, seconds). The method only raises alarms upwards; the mirror image
# is taken of its fitted mean and dispersion by the caller.
suppressPackageStartupMessages(library(surveillance))
arguments <- commandArgs(trailingOnly = TRUE)
counts <- read.csv(arguments[1])
months <- read.csv(arguments[2])$t
rows <- list()
for (series in unique(counts$series)) {
  y <- counts$y[counts$series == series]
  object <- sts(observed = matrix(y, ncol = 1), frequency = 12, start = c(2023, 5))
  began <- sum(proc.time()[1:2])
  control <- list(range = min(months):max(months), b = 1, w = 4, noPeriods = 1, trend = FALSE, pastWeeksNotIncluded = 1,
                  weightsThreshold = 2.58, thresholdMethod = "nbPlugin", alpha = 0.01)
  fit <- tryCatch(suppressWarnings(farringtonFlexible(object, control)), error = function(e) NULL)
  spent <- (sum(proc.time()[1:2]) - began) / length(min(months):max(months))
  if (!is.null(fit)) {
    rows[[length(rows) + 1]] <- data.frame(series = series, t = min(months):max(months), mu = c(fit@control$mu0Vector),
                                           phi = c(fit@control$phiVector), seconds = spent)
  }
}
write.csv(do.call(rbind, rows), arguments[3], row.names = FALSE)
