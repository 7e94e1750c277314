package com.example.activitysample

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.Service
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.Build
import android.os.IBinder
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.job
import kotlinx.coroutines.launch

/**
 * Goes on with recognition while the app is in the background, where Android delivers no samples
 * without a foreground service. Its notification says what it recognizes.
 */
class RecognitionService : Service() {
    private val scope = CoroutineScope(Job() + Dispatchers.Default)
    private val notifications by lazy { getSystemService(NotificationManager::class.java) }

    override fun onBind(intent: Intent?): IBinder? = null

    override fun onCreate() {
        super.onCreate()
        val name = getString(R.string.app_name)
        notifications.createNotificationChannel(
            NotificationChannel(CHANNEL, name, NotificationManager.IMPORTANCE_LOW),
        )
        scope.launch {
            liveRecognition(this@RecognitionService).collect { live ->
                state.value = live
                if (live is Live.Recognized) {
                    notify(live.recognition.decision.label ?: getString(R.string.unsure))
                }
                if (live is Live.Problem) notify(live.message)
            }
        }
    }

    /** Android wants the notification within seconds, so it comes before anything slow. */
    override fun onStartCommand(
        intent: Intent?,
        flags: Int,
        startId: Int,
    ): Int {
        val notification = notification(getString(R.string.listening))
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) {
            startForeground(ID, notification, ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH)
        } else {
            startForeground(ID, notification)
        }
        return START_NOT_STICKY
    }

    override fun onDestroy() {
        scope.coroutineContext.job.invokeOnCompletion { state.value = null }
        scope.cancel()
        super.onDestroy()
    }

    private fun notify(text: String) = notifications.notify(ID, notification(text))

    private fun notification(text: String): Notification =
        Notification
            .Builder(this, CHANNEL)
            .setContentTitle(getString(R.string.app_name))
            .setContentText(text)
            .setSmallIcon(android.R.drawable.ic_menu_compass)
            .setOnlyAlertOnce(true)
            .setOngoing(true)
            .build()

    companion object {
        private const val CHANNEL = "recognition"
        private const val ID = 1
        private val state = MutableStateFlow<Live?>(null)

        /** What the running service has to show; null while none runs. */
        val live: StateFlow<Live?> = state.asStateFlow()
    }
}
