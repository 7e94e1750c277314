package com.example.activitysample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.content.pm.ServiceInfo
import android.os.Bundle
import android.widget.TextView
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.stream.Contract
import fakes.LiteRt
import fakes.Phone
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** The sample app on a phone of stubs: what it says when something is in the way, and its service. */
class SampleTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Before
    fun aPhone() {
        Phone.reset()
        LiteRt.reset()
        LiteRt.models["CPU"] = LiteRt.Model(::answer)
        Phone.files = folder.root
        for (name in listOf(Contract.MODEL, Contract.SELF_TEST)) {
            Phone.assets[name] = checkNotNull(javaClass.getResource("/$name")).readBytes()
        }
    }

    @After
    fun nothingStaysOpen() {
        assertEquals(0, LiteRt.open)
        assertEquals(0, Phone.listening.size)
    }

    @Test
    fun aModelThatCannotBeOpenedIsSaid() {
        Phone.assets.clear()
        assertTrue(problem(), Contract.MODEL in problem())
        aPhone()
        LiteRt.models.clear()
        assertTrue(problem(), "Interpreter" in problem())
    }

    @Test
    fun aMissingSensorIsSaid() {
        Phone.absent.add(1)
        assertEquals("this device has no accelerometer", problem())
    }

    @Test
    fun theServiceComesToTheForegroundAndSaysWhatItRecognizes(): Unit =
        runBlocking {
            val service = RecognitionService()
            service.onCreate()
            service.onStartCommand(null, 0, 1)
            assertEquals(listOf(ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH), Phone.foreground)
            withTimeout(15_000) { walkUntil { Phone.notified.isNotEmpty() } }
            assertEquals(Contract.LABELS[0], Phone.notified.first())
            service.onDestroy()
            withTimeout(15_000) { while (Phone.listening.isNotEmpty() || LiteRt.open > 0) delay(1) }
            withTimeout(15_000) { RecognitionService.live.first { it == null } }
        }

    @Test
    fun theButtonAsksBeforeItStartsTheService() {
        val screen = ActivityScreen()
        val create = screen.javaClass.getDeclaredMethod("onCreate", Bundle::class.java)
        create.isAccessible = true
        create.invoke(screen, null)
        val button = screen.findViewById<TextView>(R.id.background)
        button.performClick()
        val activity = Manifest.permission.ACTIVITY_RECOGNITION
        val both = arrayOf(activity, Manifest.permission.POST_NOTIFICATIONS)
        assertEquals(listOf(both.joinToString(" ")), Phone.requested)
        assertEquals(emptySet<String>(), Phone.started)
        val no = PackageManager.PERMISSION_DENIED
        val yes = PackageManager.PERMISSION_GRANTED
        screen.onRequestPermissionsResult(0, both, intArrayOf(no, yes))
        assertEquals(emptySet<String>(), Phone.started)
        screen.onRequestPermissionsResult(0, both, intArrayOf(yes, no))
        assertEquals(setOf("RecognitionService"), Phone.started)
        Phone.started.clear()
        Phone.granted.addAll(both)
        button.performClick()
        assertEquals(setOf("RecognitionService"), Phone.started)
    }

    /** What the self-test wants, and the first class for all other windows. */
    private fun answer(inputs: Map<String, Any>): Map<String, Any> {
        val test = SelfTest.of(String(Phone.assets.getValue(Contract.SELF_TEST)))
        val vector = test.vectors.find { it.input.contentEquals(inputs["0"] as FloatArray) }
        val first = List(Contract.LABELS.size) { if (it == 0) 1.0 else 0.0 }
        val outputs = vector?.expected ?: first
        return mapOf("0" to FloatArray(outputs.size) { outputs[it].toFloat() })
    }

    private fun problem(): String =
        runBlocking {
            val said = liveRecognition(Activity()).toList()
            assertEquals(2, said.size)
            (said.last() as Live.Problem).message
        }

    /** Samples as fast as the app takes them, so that none is lost. */
    private suspend fun walkUntil(isDone: () -> Boolean) {
        while (Phone.listening.size < Contract.SENSORS.size) delay(1)
        var count = 0L
        while (!isDone()) {
            repeat(25) {
                for (each in Phone.listening) each.deliver(count * 20_000_000L, 0f, 0f, 9.8f)
                count++
            }
            delay(2)
        }
    }
}
