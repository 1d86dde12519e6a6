"""The map of signing in, of one's second factors and of accounts. Names of allauth's are those it asks for.

What is not here of allauth is nowhere: no sign-up, no change of mail addresses, no reset by mail.
"""

from allauth.account.views import AccountInactiveView
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView
from django.urls import path

from people.views import members, people, sessions
from people.views import signing_in as views
from scans.views import first

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/closed/", AccountInactiveView.as_view(), name="account_inactive"),
    path("sign-in/factor/", views.ShowFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey/", views.PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path("sign-in/<slug:provider_id>/start/", views.sso_start, name="openid_connect_login"),
    path("sign-in/<slug:provider_id>/back/", views.sso_back, name="openid_connect_callback"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("join/", members.accept, name="join"),
    path("setup/", first.setup, name="setup"),
    # it is still you
    path("confirm/", views.ConfirmByPassword.as_view(), name="account_reauthenticate"),
    path("confirm/code/", views.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path("confirm/passkey/", views.ConfirmByPasskey.as_view(), name="mfa_reauthenticate_webauthn"),
    # ways into one's account
    path("profile/sign-in/", views.Factors.as_view(), name="mfa_index"),
    path("profile/sign-in/password/", views.NewPassword.as_view(), name="account_change_password"),
    path("profile/sign-in/app/", views.AddApp.as_view(), name="mfa_activate_totp"),
    path("profile/sign-in/app/remove/", views.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("profile/sign-in/codes/", ViewRecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path(
        "profile/sign-in/codes/new/", views.NewCodes.as_view(), name="mfa_generate_recovery_codes"
    ),
    path("profile/sign-in/passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path(
        "profile/sign-in/passkeys/<int:pk>/remove/",
        views.RemovePasskey.as_view(),
        name="mfa_remove_webauthn",
    ),
    path("profile/sign-in/sso/<int:pk>/untie/", views.sso_untie, name="sso-untie"),
    path("profile/sessions/end/", sessions.sessions_end, name="sessions-end"),
    # accounts, for administrators of the installation
    path("people/", people.people, name="people"),
    path("people/<int:pk>/", people.one, name="person"),
    path("people/<int:pk>/close/", people.close, name="person-close"),
    path("people/<int:pk>/open/", people.reopen, name="person-open"),
    path("people/<int:pk>/factors/", people.factors, name="person-factors"),
    path("people/<int:pk>/sessions/", people.sign_out, name="person-sessions"),
    path("people/<int:pk>/role/", people.role, name="person-role"),
]
