/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_personal.h"

#include <math.h>
#include <string.h>

#include "edgeconv_alive.h"

#define RIDGE 0.03
#define STRENGTH 2.0
#define FLOOR 1e-6
#define CLOSE 0.9 /* a class with this share of the largest probability is nearly the answer */
#define EQUAL 1e-9
#define FORMAT UINT32_C(0x45435031) /* "ECP1" */
#define CLASSES EDGECONV_PERSONAL_CLASSES
#define EMBEDDING EDGECONV_PERSONAL_EMBEDDING

static int largest(const double *values, int count) {
  int best = 0;
  for (int i = 1; i < count; i++) {
    if (values[i] > values[best]) {
      best = i;
    }
  }
  return best;
}

static void softmax(double *values, int count) {
  const double top = values[largest(values, count)];
  double total = 0.0;
  for (int i = 0; i < count; i++) {
    values[i] = exp(values[i] - top);
    total += values[i];
  }
  for (int i = 0; i < count; i++) {
    values[i] /= total;
  }
}

static bool finite_all(const float *values, int count) {
  for (int i = 0; i < count; i++) {
    if (!isfinite(values[i])) {
      return false;
    }
  }
  return true;
}

static void probabilities_of(const edgeconv_personal *layer, const float *outputs, double *p) {
  for (int k = 0; k < layer->classes; k++) {
    p[k] = (double)outputs[k];
  }
  if (layer->logits) {
    softmax(p, layer->classes);
  }
}

static double product(const double *a, const double *b, int count) {
  double total = 0.0;
  for (int i = 0; i < count; i++) {
    total += a[i] * b[i];
  }
  return total;
}

/* gram * coefficients = STRENGTH * residuals, which the coefficients hold on entry (Cholesky). */
static void solve(double gram[CLASSES][CLASSES], double (*x)[CLASSES], int groups, int classes) {
  for (int i = 0; i < groups; i++) { /* the lower triangle takes the place of the gram matrix */
    for (int j = 0; j <= i; j++) {
      double rest = gram[i][j];
      for (int k = 0; k < j; k++) {
        rest -= gram[i][k] * gram[j][k];
      }
      gram[i][j] = i == j ? sqrt(rest) : rest / gram[j][j];
    }
  }
  for (int c = 0; c < classes; c++) {
    for (int i = 0; i < groups; i++) {
      double rest = STRENGTH * x[i][c];
      for (int k = 0; k < i; k++) {
        rest -= gram[i][k] * x[k][c];
      }
      x[i][c] = rest / gram[i][i];
    }
    for (int i = groups - 1; i >= 0; i--) {
      double rest = x[i][c];
      for (int k = i + 1; k < groups; k++) {
        rest -= gram[k][i] * x[k][c];
      }
      x[i][c] = rest / gram[i][i];
    }
  }
}

/* The prototype and the residual of a class, and what the model mistakes it for, without the window
 * `skip`; false: it has none. */
static bool group_of(const edgeconv_personal *layer, int label, int skip, double *prototype,
                     double *residual, bool (*mistaken)[CLASSES]) {
  int n = 0;
  double p[CLASSES];
  memset(prototype, 0, sizeof(double) * (size_t)layer->embedding);
  memset(residual, 0, sizeof(double) * (size_t)layer->classes);
  for (int w = 0; w < layer->count; w++) {
    const edgeconv_personal_window *window = &layer->windows[w];
    if (w == skip || window->label != label) {
      continue;
    }
    n++;
    probabilities_of(layer, window->outputs, p);
    const double close = CLOSE * p[largest(p, layer->classes)];
    for (int k = 0; k < layer->classes; k++) {
      residual[k] += p[k];
      mistaken[k][label] = mistaken[k][label] || p[k] >= close;
    }
    for (int j = 0; j < layer->embedding; j++) {
      prototype[j] += (double)window->embedding[j];
    }
  }
  if (n == 0) {
    return false;
  }
  for (int k = 0; k < layer->classes; k++) {
    residual[k] = (k == label ? 1.0 : 0.0) - residual[k] / n;
  }
  for (int j = 0; j < layer->embedding; j++) {
    prototype[j] /= n;
  }
  return true;
}

static void fit(const edgeconv_personal *layer, int skip, edgeconv_personal_fit *out) {
  double gram[CLASSES][CLASSES];
  out->groups = 0;
  memset(out->mistaken, 0, sizeof out->mistaken);
  for (int label = 0; label < layer->classes; label++) {
    const int g = out->groups;
    if (group_of(layer, label, skip, out->prototypes[g], out->coefficients[g], out->mistaken)) {
      out->groups++;
    }
  }
  double squares = 0.0;
  for (int a = 0; a < out->groups; a++) {
    squares += product(out->prototypes[a], out->prototypes[a], layer->embedding);
  }
  out->scale = squares > 0.0 ? squares / out->groups : 1.0;
  for (int a = 0; a < out->groups; a++) {
    for (int b = 0; b < out->groups; b++) {
      gram[a][b] =
          product(out->prototypes[a], out->prototypes[b], layer->embedding) / out->scale + 1.0;
    }
    gram[a][a] += RIDGE;
  }
  solve(gram, out->coefficients, out->groups, layer->classes);
}

/* Leaves the probabilities as they are where no enrolled window backs the change. */
static void correct(const edgeconv_personal *layer, const edgeconv_personal_fit *fitted,
                    const float *embedding, double *p) {
  double own[CLASSES];
  memcpy(own, p, sizeof(double) * (size_t)layer->classes);
  for (int k = 0; k < layer->classes; k++) {
    p[k] = log(p[k] > FLOOR ? p[k] : FLOOR);
  }
  for (int a = 0; a < fitted->groups; a++) {
    double alike = 0.0;
    for (int j = 0; j < layer->embedding; j++) {
      alike += fitted->prototypes[a][j] * (double)embedding[j];
    }
    alike = alike / fitted->scale + 1.0;
    for (int k = 0; k < layer->classes; k++) {
      p[k] += alike * fitted->coefficients[a][k];
    }
  }
  softmax(p, layer->classes);
  const int before = largest(own, layer->classes), after = largest(p, layer->classes);
  if (before != after && !fitted->mistaken[before][after]) {
    memcpy(p, own, sizeof(double) * (size_t)layer->classes);
  }
}

static int windows_of(const edgeconv_personal *layer, int label) {
  int n = 0;
  for (int w = 0; w < layer->count; w++) {
    n += layer->windows[w].label == label;
  }
  return n;
}

/* Whether the layer is right more often than the model on windows that it has not seen, and on
 * those of no class less often. */
static bool helps(edgeconv_personal *layer) {
  double own = 0.0, model = 0.0, p[CLASSES];
  int classes = 0;
  bool loses = false;
  for (int label = 0; label < layer->classes; label++) {
    const int n = windows_of(layer, label);
    int right = 0, right_before = 0;
    for (int w = 0; w < layer->count; w++) {
      const edgeconv_personal_window *window = &layer->windows[w];
      if (window->label != label) {
        continue;
      }
      probabilities_of(layer, window->outputs, p);
      right_before += largest(p, layer->classes) == label;
      const edgeconv_personal_fit *fitted = &layer->fit;
      if (n > 1) {
        EDGECONV_ALIVE();
        fit(layer, w, &layer->scratch);
        fitted = &layer->scratch;
      }
      correct(layer, fitted, window->embedding, p);
      right += largest(p, layer->classes) == label;
    }
    if (n > 0) {
      classes++;
      own += (double)right / n;
      model += (double)right_before / n;
      loses = loses || right < right_before;
    }
  }
  return !loses && own / classes > model / classes + EQUAL;
}

bool edgeconv_personal_init(edgeconv_personal *layer, int classes, int embedding, bool logits,
                            edgeconv_personal_window *windows, int capacity) {
  memset(layer, 0, sizeof *layer);
  layer->state = EDGECONV_PERSONAL_EMPTY;
  layer->judged = true;
  if (classes < 1 || classes > CLASSES || embedding < 1 || embedding > EMBEDDING) {
    return false;
  }
  layer->classes = classes;
  layer->embedding = embedding;
  layer->logits = logits;
  layer->windows = windows;
  layer->capacity = capacity;
  return true;
}

static void drop(edgeconv_personal *layer, int place) {
  layer->count--;
  memmove(&layer->windows[place], &layer->windows[place + 1],
          sizeof *layer->windows * (size_t)(layer->count - place));
}

bool edgeconv_personal_enroll(edgeconv_personal *layer, int label, const float *outputs,
                              const float *embedding) {
  if (label < 0 || label >= layer->classes || !finite_all(outputs, layer->classes) ||
      !finite_all(embedding, layer->embedding)) {
    return false;
  }
  const int same = windows_of(layer, label);
  if (same >= EDGECONV_PERSONAL_MOST_WINDOWS || layer->count >= layer->capacity) {
    int oldest = 0;
    if (same == 0) {
      return false;
    }
    while (layer->windows[oldest].label != label) {
      oldest++;
    }
    drop(layer, oldest);
  }
  edgeconv_personal_window *window = &layer->windows[layer->count++];
  memset(window, 0, sizeof *window);
  window->label = label;
  memcpy(window->outputs, outputs, sizeof(float) * (size_t)layer->classes);
  memcpy(window->embedding, embedding, sizeof(float) * (size_t)layer->embedding);
  layer->judged = false;
  return true;
}

void edgeconv_personal_forget(edgeconv_personal *layer, int label) {
  for (int w = layer->count - 1; w >= 0; w--) {
    if (label == EDGECONV_PERSONAL_ALL || layer->windows[w].label == label) {
      drop(layer, w);
    }
  }
  layer->judged = false;
}

edgeconv_personal_state edgeconv_personal_judge(edgeconv_personal *layer) {
  if (!layer->judged) {
    layer->judged = true;
    fit(layer, -1, &layer->fit);
    if (layer->fit.groups < 2) {
      layer->state =
          layer->fit.groups == 0 ? EDGECONV_PERSONAL_EMPTY : EDGECONV_PERSONAL_ONE_ACTIVITY;
    } else {
      layer->state = helps(layer) ? EDGECONV_PERSONAL_ON : EDGECONV_PERSONAL_NO_GAIN;
    }
  }
  return layer->state;
}

int edgeconv_personal_answer(edgeconv_personal *layer, const float *outputs, const float *embedding,
                             double unsure_below, double *probabilities, bool *personal) {
  const bool finite = finite_all(outputs, layer->classes);
  const bool on = finite && finite_all(embedding, layer->embedding) &&
                  edgeconv_personal_judge(layer) == EDGECONV_PERSONAL_ON;
  if (personal != NULL) {
    *personal = on;
  }
  if (!finite) {
    for (int k = 0; k < layer->classes; k++) {
      probabilities[k] = (double)outputs[k];
    }
    return EDGECONV_PERSONAL_UNSURE;
  }
  probabilities_of(layer, outputs, probabilities);
  if (on) {
    correct(layer, &layer->fit, embedding, probabilities);
  }
  const int label = largest(probabilities, layer->classes);
  return probabilities[label] >= unsure_below ? label : EDGECONV_PERSONAL_UNSURE;
}

void edgeconv_personal_store(const edgeconv_personal *layer, const char *model_sha256,
                             edgeconv_personal_header *header) {
  memset(header, 0, sizeof *header);
  header->format = FORMAT;
  strncpy(header->model_sha256, model_sha256, sizeof header->model_sha256 - 1);
  header->classes = layer->classes;
  header->embedding = layer->embedding;
  header->count = layer->count;
}

bool edgeconv_personal_restore(edgeconv_personal *layer, const char *model_sha256,
                               const edgeconv_personal_header *header) {
  layer->count = 0;
  layer->judged = false;
  if (header->format != FORMAT || header->classes != layer->classes ||
      header->embedding != layer->embedding || header->count < 0 ||
      header->count > layer->capacity ||
      strncmp(header->model_sha256, model_sha256, sizeof header->model_sha256) != 0) {
    return false;
  }
  for (int w = 0; w < header->count; w++) {
    const edgeconv_personal_window *window = &layer->windows[w];
    if (window->label < 0 || window->label >= layer->classes ||
        !finite_all(window->outputs, layer->classes) ||
        !finite_all(window->embedding, layer->embedding)) {
      return false;
    }
  }
  layer->count = header->count;
  return true;
}
