package com.edgeconv.recognition.model

import org.json.JSONException
import org.json.JSONObject
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.MessageDigest
import java.security.Signature
import java.security.spec.X509EncodedKeySpec
import java.util.Base64

/** Why an update was not taken; the model that was there stays. */
enum class Refusal {
    /** This library was written without a public key: it takes no updates. */
    NO_KEY,

    /** `update.json` or `update.sig` cannot be read. */
    UNREADABLE,
    WRONG_SIGNATURE,
    UNKNOWN_FORMAT,

    /** It is for another model of the app. */
    OTHER_MODEL,

    /** It takes other windows, or gives other classes. */
    OTHER_CONTRACT,

    /** It is not above the highest version that was ever installed. */
    NOT_NEWER,
    APP_TOO_OLD,

    /** A file is missing, or not the one that was signed. */
    DAMAGED_FILE,

    /** It does not compute on this device what it must. */
    SELF_TEST_FAILED,
    STORAGE_FAILED,
}

/** One file of an update, by its path in it. */
class UpdateFile(
    val path: String,
    val bytes: Long,
    val sha256: String,
)

/**
 * What `update.json` says.
 *
 * @property name of the model in the app
 * @property minAppVersion the oldest app that takes it
 * @property artifact the model's file, or a folder of [files]
 * @property selfTest the path of `selftest.json`
 */
class UpdateManifest(
    val name: String,
    val version: Long,
    val minAppVersion: String,
    val contractSha256: String,
    val artifact: String,
    val artifactSha256: String,
    val selfTest: String,
    val files: List<UpdateFile>,
)

/**
 * What an app has when an update comes.
 *
 * @property floor the highest version that was ever installed
 * @property publicKey base64 of its SubjectPublicKeyInfo; empty: it takes no updates
 */
class Installed(
    val name: String,
    val contractSha256: String,
    val floor: Long,
    val appVersion: String,
    val publicKey: String,
)

/** Contents by path; null where there is no such file. May throw an [IOException]. */
typealias ReadFile = (String) -> ByteArray?

/** What is looked at before an update is taken, in this order. */
class UpdateCheck(
    private val installed: Installed,
    private val read: ReadFile,
) {
    /** What `update.json` says, once its signature was found to be right; else why not. */
    fun manifest(): Pair<UpdateManifest?, Refusal?> {
        if (installed.publicKey.isEmpty()) return null to Refusal.NO_KEY
        val content = read(MANIFEST) ?: return null to Refusal.UNREADABLE
        val signature = read(SIGNATURE) ?: return null to Refusal.UNREADABLE
        if (!isSigned(content, String(signature, Charsets.ISO_8859_1))) {
            return null to Refusal.WRONG_SIGNATURE
        }
        val manifest = parse(content) ?: return null to Refusal.UNKNOWN_FORMAT
        return manifest to null
    }

    /** Whether the app takes this update at all; null where it does. */
    fun misfit(manifest: UpdateManifest): Refusal? =
        when {
            manifest.name != installed.name -> Refusal.OTHER_MODEL
            manifest.contractSha256 != installed.contractSha256 -> Refusal.OTHER_CONTRACT
            manifest.version <= installed.floor -> Refusal.NOT_NEWER
            compareVersions(manifest.minAppVersion, installed.appVersion) > 0 -> Refusal.APP_TOO_OLD
            else -> null
        }

    /** Whether every file is the one that was signed, and the model and its test are among them. */
    fun isWhole(manifest: UpdateManifest): Boolean {
        val paths = manifest.files.map { it.path }
        val model = manifest.artifact
        return paths.distinct().size == paths.size &&
            paths.all(::isSafe) &&
            manifest.files.all(::isAsSigned) &&
            paths.any { it == model || it.startsWith("$model/") } &&
            manifest.selfTest in paths &&
            isTest(manifest)
    }

    private fun isAsSigned(file: UpdateFile): Boolean {
        val content = read(file.path) ?: return false
        return content.size.toLong() == file.bytes && sha256(content) == file.sha256
    }

    private fun isTest(manifest: UpdateManifest): Boolean =
        try {
            val text = read(manifest.selfTest)?.let(::String).orEmpty()
            SelfTest.of(text).sha256 == manifest.artifactSha256
        } catch (_: JSONException) {
            false
        }

    private fun isSigned(
        content: ByteArray,
        text: String,
    ): Boolean =
        try {
            val raw = Base64.getDecoder().decode(text.trim())
            val key = X509EncodedKeySpec(Base64.getDecoder().decode(installed.publicKey))
            raw.size == 2 * INTEGER &&
                Signature.getInstance("SHA256withECDSA").run {
                    initVerify(KeyFactory.getInstance("EC").generatePublic(key))
                    update(content)
                    verify(der(raw))
                }
        } catch (_: GeneralSecurityException) {
            false
        } catch (_: IllegalArgumentException) {
            false // no base64
        }

    companion object {
        const val MANIFEST = "update.json"
        const val SIGNATURE = "update.sig"
        private const val INTEGER = 32
        private val DIGEST = Regex("[0-9a-f]{64}")
        private val NUMBERS = Regex("""\d+(\.\d+)*""")

        /** SHA-256 in small hexadecimal digits. */
        fun sha256(content: ByteArray): String =
            MessageDigest.getInstance("SHA-256").digest(content).joinToString("") {
                "%02x".format(it)
            }

        /**
         * The order of two versions of an app, number by number: a missing one is 0, and what follows
         * the numbers is not read.
         */
        fun compareVersions(
            one: String,
            other: String,
        ): Int {
            val (a, b) = numbers(one) to numbers(other)
            for (place in 0 until maxOf(a.size, b.size)) {
                val order = part(a, place).compareTo(part(b, place))
                if (order != 0) return order
            }
            return 0
        }

        private fun numbers(version: String) =
            NUMBERS
                .matchAt(version, 0)
                ?.value
                .orEmpty()
                .split('.')
                .map { it.trimStart('0') }

        /** Numbers of any length: the longer one is larger. */
        private fun part(
            numbers: List<String>,
            place: Int,
        ) = numbers.getOrElse(place) { "" }.let { "%09d".format(it.length) + it }

        /** Whether a path stays in the update's folder on every system. */
        fun isSafe(path: String): Boolean =
            path.none { it == '\\' || it == ':' || it == '\u0000' } &&
                path.split('/').none { it.isEmpty() || it == "." || it == ".." }

        /** r and s as Java wants them: a sequence of two integers. */
        private fun der(raw: ByteArray): ByteArray {
            val (r, s) = integer(raw.copyOf(INTEGER)) to integer(raw.copyOfRange(INTEGER, raw.size))
            return byteArrayOf(0x30, (r.size + s.size).toByte()) + r + s
        }

        private fun integer(bytes: ByteArray): ByteArray {
            val digits = java.math.BigInteger(1, bytes).toByteArray()
            return byteArrayOf(0x02, digits.size.toByte()) + digits
        }

        private fun parse(content: ByteArray): UpdateManifest? =
            try {
                val json = JSONObject(String(content))
                val artifact = json.getJSONObject("artifact")
                val files = json.getJSONArray("files")
                val isKnown =
                    json.text("format") == "edgeconv-update" && json.whole("schema_version") == 1L
                UpdateManifest(
                    json.text("name"),
                    json.whole("version"),
                    json.text("min_app_version"),
                    json.digest("contract_sha256"),
                    artifact.text("name"),
                    artifact.digest("sha256"),
                    json.text("self_test"),
                    List(files.length()) { place ->
                        val file = files.getJSONObject(place)
                        UpdateFile(file.text("path"), file.whole("bytes"), file.digest("sha256"))
                    },
                ).takeIf { isKnown && it.version >= 1 }
            } catch (_: JSONException) {
                null
            }

        private fun JSONObject.text(key: String): String =
            get(key) as? String ?: throw JSONException("$key is no text")

        private fun JSONObject.digest(key: String): String =
            text(key).also { if (!DIGEST.matches(it)) throw JSONException("$key is no digest") }

        private fun JSONObject.whole(key: String): Long =
            when (val value = get(key)) {
                is Int -> value.toLong()
                is Long -> value
                else -> throw JSONException("$key is no whole number")
            }.also { if (it < 0) throw JSONException("$key is negative") }
    }
}
