package com.edgeconv.model

/**
 * Why there is no prediction.
 *
 * @property tensor the model's own name of the input or output; null where it is none of them
 */
open class ModelException(
    val kind: Kind,
    message: String,
    cause: Throwable? = null,
    val tensor: String? = null,
) : Exception(message, cause) {
    /** What went wrong. */
    enum class Kind {
        /** The file is not the one that this library was made and tested for. */
        WRONG_MODEL,

        /** An input has another number or type of values than the model takes. */
        WRONG_SIZE,

        /** An input holds a NaN or an infinity. */
        INPUT_NOT_FINITE,

        /** A whole number is not within the limits that the model takes. */
        INPUT_OUT_OF_RANGE,

        /** The model gave a NaN or an infinity. */
        OUTPUT_NOT_FINITE,

        /** The model gave no such output, or one of another size or type. */
        WRONG_OUTPUT,

        /** LiteRT could not load or run the model. */
        FAILED,

        /** Nothing on this device computes what the model must give: [NoUnitPassed]. */
        NO_UNIT_PASSED,
    }
}

/**
 * Nothing that the app allows computes on this device what the model must give: the app has no model.
 *
 * @property record what was computed instead, for `edgeconv golden check`
 */
class NoUnitPassed(
    val record: Record,
) : ModelException(
        Kind.NO_UNIT_PASSED,
        record.results.joinToString("; ", "no unit passed the self-test: ") {
            "${it.unit}: ${it.reason}"
        },
    )
